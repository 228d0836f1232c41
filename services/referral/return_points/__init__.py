"""Where another country receives its children: dated rows, each with its hours and where it is written."""
