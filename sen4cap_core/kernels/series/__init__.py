"""Series of a parcel in time: gaps, smoothing, rises of coherence and their noise."""
