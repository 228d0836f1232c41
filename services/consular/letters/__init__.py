"""Official letters to consulates that have neither an address for messages nor a feed: on paper, by a person."""
