"""People as the black box: what is shown to observers, what they answer, and the scores that come of it.

Nothing here draws. A generation of a session becomes a plan of presentations (`plan.py`); answers are told to the
server as they come, each with all that is known of it (`answers.py`), so that the session's own log is their only
store; scores are made of them (`ratings.py`, `strengths.py`, `scoring.py`); and a room (`room.py`) is where observers
meet.
"""
