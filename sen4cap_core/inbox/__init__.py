"""The upload folders: what lies where, when it has arrived whole, and the answer beside it."""
