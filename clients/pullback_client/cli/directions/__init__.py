"""Commands of edit directions, walks along them and edits."""
