"""The deadline engine: rules as data, clocks as rows, fired once."""
