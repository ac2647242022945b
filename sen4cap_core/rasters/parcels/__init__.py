"""Which pixels belong to which parcel."""
