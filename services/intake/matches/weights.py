"""What each level of agreement of each field is worth: log2 of how it moves the odds that two records are one child.

Made by bench/fitting.py, from children of the tuning seed alone; that module says how. `rarity` is how many children
share the rarest thing that both have; `through` weighs nothing, since its score is that of the way through a third
record (rules.chained). A level that never occurred there weighs nothing, which is the middle. Fit it
anew when real, reviewed matches are there.
"""

PRIOR, SLOPE = -17.14, -1.07
"""The odds before anything is compared, among a million records; and what a register of twice the size takes off."""
PROPOSE, STRONG = 1.65, 7.7
"""From here on a pair is for review: 985 of 1,000 such pairs were one child; and from here on 999 were."""
WEIGHTS: dict[str, dict[str, float]] = {
    "given_names": {
        "agree+close": 8.68,
        "agree+agree": 8.16,
        "close+close": 6.88,
        "agree": 4.84,
        "close": 4.55,
        "agree+agree swapped": 4.14,
        "close+close swapped": 2.19,
        "agree+close swapped": 2.17,
        "agree+missing": 1.54,
        "close+missing": 0.97,
        "close+missing swapped": -0.09,
        "missing": -0.1,
        "agree+missing swapped": -0.28,
        "close+differ": -2.71,
        "agree+differ": -2.87,
        "close+differ swapped": -5.27,
        "differ": -5.61,
        "agree+differ swapped": -5.83,
        "differ+missing": -10.25,
        "differ+differ": -11.1,
    },
    "surnames": {
        "agree+agree": 7.44,
        "agree+close": 7.28,
        "close+close": 6.71,
        "close": 4.58,
        "agree": 4.32,
        "close+close swapped": 4.18,
        "agree+agree swapped": 4.15,
        "agree+close swapped": 3.72,
        "agree+missing": 2.57,
        "close+missing": 2.23,
        "agree+missing swapped": 0.46,
        "close+missing swapped": -0.7,
        "agree+differ": -3.55,
        "close+differ": -4.59,
        "differ": -5.02,
        "close+differ swapped": -6.39,
        "agree+differ swapped": -7.06,
        "differ+missing": -9.11,
        "differ+differ": -11.22,
    },
    "birth_date": {
        "agree": 7.58,
        "day and month swapped": 4.58,
        "month off by one": 4.11,
        "day off by a little or by ten": 3.77,
        "year off by one": 3.74,
        "first of January": 1.99,
        "agree on the first of January": 1.93,
        "within the estimate": 0.67,
        "two estimates": -0.83,
        "another month": -2.4,
        "another day": -3.77,
        "near the estimate": -3.78,
        "within a year": -4.39,
        "year alone": -5.28,
        "differ": -7.91,
    },
    "sex": {
        "agree": 1.69,
        "differ": -1.69,
    },
    "nationalities": {
        "agree": 2.09,
        "differ": -2.09,
    },
    "languages": {
        "agree": 4.67,
        "differ": -4.67,
    },
    "days_between": {
        "1": 1.1,
        "2": 1.0,
        "16": 0.53,
        "4": 0.48,
        "8": 0.47,
        "32": 0.26,
        "64": -0.34,
        "128": -1.07,
        "256": -2.42,
    },
    "rarity": {
        "2": 1.66,
        "1": 1.5,
        "4": 0.95,
        "64": 0.09,
        "8": -0.74,
        "16": -1.57,
        "32": -1.88,
    },
    "through": {
        "a third record": 0.0,
        "a third record with both names": 0.0,
    },
}
