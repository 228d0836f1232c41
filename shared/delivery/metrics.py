"""What delivery says of itself in numbers. No label ever names an endpoint, an event or a child."""

from prometheus_client import Counter, Gauge, Histogram

ATTEMPTS = Counter("ruta_delivery_attempts_total", "Attempts that ended, by their outcome", ["outcome"])
FIRST = Histogram(
    "ruta_delivery_first_attempt_seconds",
    "From the commit of an event to its first attempt",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300),
)
CLAIM = Histogram(
    "ruta_delivery_claim_seconds",
    "One transaction that records results and claims what is due",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
EXPIRED = Counter("ruta_delivery_leases_expired_total", "Leases whose worker did not come back")
ALARMS = Counter("ruta_delivery_alarms_total", "Alarms that were raised", ["kind"])
OPEN_ALARMS = Gauge("ruta_delivery_open_alarms", "Alarms that wait for a person", ["kind"])
OLDEST = Gauge("ruta_delivery_oldest_due_seconds", "Age of the oldest delivery that should have been tried by now")
OWED = Gauge("ruta_delivery_owed", "Deliveries that are not done, by state", ["state"])
BREAKERS = Gauge("ruta_delivery_endpoints", "Endpoints by state of their breaker", ["breaker"])
UNACKNOWLEDGED = Gauge(
    "ruta_delivery_unacknowledged", "Sent, and their next step of escalation is less than a day away"
)
LATENESS = Histogram(
    "ruta_delivery_escalation_lateness_seconds",
    "How late a step of escalation happened",
    buckets=(1, 2, 5, 15, 60, 300, 3600, 86400),
)
SKEW = Gauge("ruta_clock_skew_seconds", "How far the database's clock is ahead of this machine's")
OLDEST_TRANSACTION = Gauge("ruta_database_oldest_transaction_seconds", "Age of the oldest open transaction")
