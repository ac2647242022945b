"""The calendar of a season: what is planned, what it waits for, how the season stands."""
