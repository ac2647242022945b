"""One acquisition, optical or radar: entered, looked at, screened, its parcels measured, forgotten."""
