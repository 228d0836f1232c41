"""Figures in the forms that people and their programs read: CSV, XLSX, a chart; JSON is the service's own."""
