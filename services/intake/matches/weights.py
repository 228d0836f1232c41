"""What each level of agreement of each field is worth: log2 of how it moves the odds that two records are one child.

Made by bench/fitting.py, from children of the tuning seed alone; that module says how. `rarity` is how many children
share the rarest thing that both have; `through` weighs nothing, since its score is that of the way through a third
record (rules.chained). A level that never occurred there weighs nothing, which is the middle. Fit it
anew when real, reviewed matches are there.
"""

PRIOR, SLOPE = -18.07, -1.12
"""The odds before anything is compared, among a million records; and what a register of twice the size takes off."""
PROPOSE, STRONG = 1.9, 7.0
"""From here on a pair is for review: 983 of 1,000 such pairs were one child; and from here on 999 were."""
WEIGHTS: dict[str, dict[str, float]] = {
    "given_names": {
        "agree+agree": 8.66,
        "agree+close": 8.38,
        "close+close": 6.18,
        "agree": 5.16,
        "close": 4.93,
        "agree+agree swapped": 3.93,
        "agree+close swapped": 2.98,
        "agree+missing": 1.68,
        "close+missing": 1.64,
        "close+close swapped": 0.46,
        "agree+missing swapped": -0.05,
        "close+missing swapped": -0.16,
        "missing": -0.79,
        "close+differ": -1.95,
        "agree+differ": -2.49,
        "close+differ swapped": -3.54,
        "differ": -6.04,
        "agree+differ swapped": -7.27,
        "differ+missing": -10.2,
        "differ+differ": -11.51,
    },
    "surnames": {
        "agree+agree": 7.59,
        "agree+close": 7.26,
        "close+close": 6.93,
        "agree+agree swapped": 4.37,
        "close": 4.25,
        "agree": 4.18,
        "agree+close swapped": 3.68,
        "close+close swapped": 2.59,
        "agree+missing": 2.4,
        "close+missing": 2.29,
        "agree+missing swapped": 0.46,
        "close+missing swapped": 0.16,
        "agree+differ": -3.77,
        "close+differ": -4.72,
        "differ": -4.76,
        "close+differ swapped": -6.29,
        "agree+differ swapped": -7.05,
        "differ+missing": -8.31,
        "differ+differ": -11.28,
    },
    "birth_date": {
        "agree": 7.65,
        "day and month swapped": 5.14,
        "day off by a little or by ten": 4.11,
        "month off by one": 3.95,
        "agree on the first of January": 3.89,
        "year off by one": 3.49,
        "first of January": 1.93,
        "within the estimate": 0.61,
        "two estimates": -1.12,
        "near the estimate": -3.43,
        "another month": -3.82,
        "within a year": -4.36,
        "another day": -4.75,
        "year alone": -5.33,
        "differ": -7.95,
    },
    "sex": {
        "agree": 1.81,
        "differ": -1.81,
    },
    "nationalities": {
        "agree": 2.39,
        "differ": -2.39,
    },
    "languages": {
        "agree": 4.43,
        "differ": -4.43,
    },
    "days_between": {
        "8": 0.97,
        "1": 0.76,
        "16": 0.71,
        "4": 0.5,
        "2": 0.41,
        "32": 0.27,
        "64": -0.24,
        "128": -1.18,
        "256": -2.2,
    },
    "rarity": {
        "2": 1.92,
        "1": 1.91,
        "4": 1.49,
        "8": -0.31,
        "16": -1.0,
        "32": -1.68,
        "64": -2.32,
    },
    "through": {
        "a third record": 0.0,
        "a third record with both names": 0.0,
    },
}
