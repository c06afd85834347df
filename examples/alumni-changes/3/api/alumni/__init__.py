"""The alumni board's API."""

VERSION = 3
