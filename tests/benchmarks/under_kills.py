"""What is lost when servers and workers are killed in the middle of everything: nothing, and nothing changes."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path

from reporting import QUICK, Figure, Report

from insisting import Load
from killing import Life, live_through
from live_server import LiveServer
from tiny import write_catalogue

KILLS = int(os.environ.get("TRUST_KILLS", "12" if QUICK else "1000"))
# Of one server's life, after which it is looked at, and another begins with an empty folder.
OF_A_LIFE = 12 if QUICK else 25
# Every so many lives are those of a server that works on a real generator.
REAL = 4


def bench_kills(report: Report, seed: int) -> None:
    """Kills under inversions, eigenbases and evolutions that run together."""
    kills: Counter[str] = Counter()
    inversions = eigenbases = tells = harmed = life = 0
    while kills.total() < KILLS:
        load = Load("faces", 30, 16) if life % REAL == REAL - 1 else Load()
        try:
            lived = _live(load, min(OF_A_LIFE, KILLS - kills.total()), seed + life)
        except AssertionError as error:
            harmed += 1
            report.note(life=life, seed=seed + life, generator=load.generator, harm=str(error)[:2_000])
            if harmed > 3:
                break
        else:
            kills += lived.kills
            inversions, eigenbases = inversions + lived.inversions, eigenbases + lived.eigenbases
            tells += lived.tells
            report.note(life=life, seed=seed + life, generator=load.generator, **vars(lived))
        life += 1
    victims = Counter[str]()
    for kind, count in kills.items():
        victims[kind.partition(",")[0]] += count
    made = ", ".join(f"{victim} {count}" for victim, count in sorted(victims.items()))
    detail = (
        f"{life} lives of the seeds from {seed}; {made}; meanwhile {inversions} inversions, {eigenbases} eigenbases "
    )
    detail += f"and {tells:,} scores, all there and all as without kills"
    report.add(Figure("kills survived", kills.total(), str(KILLS), kills.total() >= KILLS, detail))
    report.add(Figure("lives in which something was lost or changed", harmed, "0", harmed == 0))


def _live(load: Load, kills: int, seed: int) -> Life:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {"PULLBACK_CATALOGUE": str(write_catalogue(folder / "catalogue"))}
        live, quiet = LiveServer(folder / "live", environment, secure=True), LiveServer(folder / "quiet", environment)
        live.start()
        quiet.start()
        try:
            return live_through(live, quiet, load, kills=kills, seed=seed)
        finally:
            live.close()
            quiet.close()
