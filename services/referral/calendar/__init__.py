"""Days that do not count: suspensions of the calendar, as each authority gazettes them."""
