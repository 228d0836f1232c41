"""What each level of agreement of each field is worth: log2 of how it moves the odds that two records are one child.

Made by bench/fitting.py, from children of the tuning seed alone; that module says how. `rarity` is how many children
share the rarest thing that both have. A level that never occurred there weighs nothing, which is the middle. Fit it
anew when real, reviewed matches are there.
"""

PRIOR, SLOPE = -18.45, -1.18
"""The odds before anything is compared, among a million records; and what a register of twice the size takes off."""
PROPOSE, STRONG = 1.35, 7.0
"""From here on a pair is for review: 985 of 1,000 such pairs were one child; and from here on 999 were."""
WEIGHTS: dict[str, dict[str, float]] = {
    "given_names": {
        "agree+agree": 8.35,
        "agree+close": 8.09,
        "close+close": 6.75,
        "agree": 5.0,
        "close": 4.73,
        "agree+agree swapped": 3.55,
        "agree+close swapped": 2.93,
        "agree+missing": 1.53,
        "close+missing": 1.49,
        "close+close swapped": 0.43,
        "agree+missing swapped": -0.04,
        "close+missing swapped": -0.16,
        "missing": -0.36,
        "close+differ": -2.05,
        "agree+differ": -2.52,
        "close+differ swapped": -3.71,
        "differ": -5.8,
        "agree+differ swapped": -6.88,
        "differ+missing": -10.16,
        "differ+differ": -11.17,
    },
    "surnames": {
        "agree+agree": 7.28,
        "agree+close": 7.05,
        "close+close": 6.89,
        "close": 4.26,
        "agree": 4.21,
        "agree+agree swapped": 4.04,
        "agree+close swapped": 3.45,
        "close+close swapped": 2.61,
        "agree+missing": 2.51,
        "close+missing": 2.27,
        "agree+missing swapped": 0.53,
        "close+missing swapped": 0.08,
        "agree+differ": -3.67,
        "close+differ": -4.62,
        "differ": -4.73,
        "close+differ swapped": -6.04,
        "agree+differ swapped": -6.89,
        "differ+missing": -8.04,
        "differ+differ": -11.19,
    },
    "birth_date": {
        "agree": 7.55,
        "day and month swapped": 5.23,
        "close": 2.52,
        "first of January": 2.0,
        "within the estimate": 1.76,
        "near the estimate": -2.39,
        "within a year": -4.02,
        "year alone": -5.09,
        "differ": -7.56,
    },
    "sex": {
        "agree": 1.72,
        "differ": -1.72,
    },
    "nationalities": {
        "agree": 2.38,
        "differ": -2.38,
    },
    "languages": {
        "agree": 4.71,
        "differ": -4.71,
    },
    "rarity": {
        "1": 1.75,
        "2": 1.48,
        "4": 0.99,
        "8": -0.48,
        "16": -1.1,
        "64": -1.19,
        "32": -1.44,
    },
}
