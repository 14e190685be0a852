"""Protocol between server and worker: messages, plans of walks, payloads, and which jobs are computed together."""
