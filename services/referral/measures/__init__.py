"""Urgent and special measures of protection, and the admissions to shelters that rest on them."""
