"""Starts, stops and watches over the services of one installation; talks to Prefect's API."""
