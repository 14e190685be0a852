"""Arms of the study of search: optimizers that others published, written here by their descriptions, and ours."""
