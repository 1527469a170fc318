"""`backorder demo`: a parts business plays for a minute, and its numbers are checked afterwards."""
