"""The service under load, under attack, killed, and for a hundred jobs.

    python benchmarks/service.py -o benchmarks/results/service.json

A tiny network and a tiny CT: what is measured is the service, not the segmentation. Idle and slow uploads are held
open while the health route is asked; jobs are queued and the service killed (SIGKILL) again and again until all have
ended; the hostile requests of the tests are sent; memory of all processes is read over many jobs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np

from facts import ROOT
from record import Table, publish, result_file
from service_process import WAIT_S, Running, running, wait_until

sys.path += [str(ROOT / "tests" / "support")]

MEASURES = ("src/omentum/serve",)
TITLE = "The service under load, under attack, killed, and over many jobs"
ABOUT = (
    "`omentum serve` at loopback, with a network without training and a CT of 40 x 40 x 40 voxels; the clients run on "
    "the same processors."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--uploads", type=int, default=200, help="slow and idle uploads at a time")
    parser.add_argument("--queued", type=int, default=20, help="jobs across kills")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=100, help="jobs over which memory is read")
    parser.add_argument("--fuzz", type=int, default=20, help="requests to each route, valid and broken ones each")
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        os.environ["OMENTUM_HOME"] = str(place / "home")
        write_inputs(place)
        tables = {name: PARTS[name](place, arguments) for name in arguments.parts}
    publish(arguments.out, title=TITLE, about=ABOUT, measures=MEASURES, tables=tables)


def load_table(place: Path, arguments: argparse.Namespace) -> Table:
    columns = {
        "uploads held open": "{}",
        "health asked": "{}",
        "median ms": "{:.1f}",
        "longest ms": "{:.1f}",
        "one upload more s": "{:.2f}",
        "temporary files afterwards": "{}",
    }
    about = "Half of the uploads send nothing after the headers, half a byte every half second."
    return Table(columns, [under_load(place, arguments.uploads)], about=about)


def kills_table(place: Path, arguments: argparse.Namespace) -> Table:
    columns = dict.fromkeys(("jobs", "kills", "done", "failed", "lost", "ended twice", "begun again"), "{}")
    about = "All jobs are queued, then the service is killed with SIGKILL while jobs run, and started again."
    return Table(columns, [across_kills(place, arguments.queued, arguments.kills)], about=about)


def memory_table(place: Path, arguments: argparse.Namespace) -> Table:
    rows, per_job = over_many_jobs(place, arguments.jobs)
    columns = {"process": "{}", "after 5 jobs MB": "{:.0f}", "after all MB": "{:.0f}", "growth": "{:+.1%}"}
    about = f"Resident memory over {arguments.jobs} jobs, each with upload, result and deletion."
    return Table(columns, rows, about=about, notes=[f"A job took {per_job:.1f} s on average."])


def hostile_table(place: Path, _: argparse.Namespace) -> Table:
    columns = {"what it tries": "{}", "request": "{}", "answer": "{}", "expected": "{}"}
    return Table(columns, hostile_rows(place))


def fuzz_table(place: Path, arguments: argparse.Namespace) -> Table:
    columns = dict.fromkeys(("requests", "routes", "answers of 2xx", "of 4xx", "of 5xx", "undocumented answers"), "{}")
    about = "Made by schemathesis from the schema of the interface; an undocumented answer would have ended the run."
    return Table(columns, [fuzz_rows(place, arguments.fuzz)], about=about)


PARTS = {
    "load": load_table,
    "kills": kills_table,
    "memory": memory_table,
    "hostile": hostile_table,
    "fuzz": fuzz_table,
}


def write_inputs(place: Path) -> None:
    """A block of soft tissue in air, and weights."""
    from small_models import small_model

    from omentum.io.nifti import write_volume
    from omentum.model.checkpoint import save_checkpoint
    from omentum.volume import Volume

    hu = np.full((40, 40, 40), -1000, np.int16)
    hu[6:34, 6:34, 4:36] = np.random.default_rng(0).normal(40, 15, (28, 28, 32))
    write_volume(place / "ct.nii.gz", Volume(hu, np.diag([3.0, 3.0, 3.0, 1.0])))
    save_checkpoint(place / "tiny.safetensors", small_model("residual_unet"))


def under_load(place: Path, count: int) -> tuple[int, int, float, float, float, int]:
    """Ask for health while many uploads are open."""
    with running(place, "load") as service:
        upload = service.client.post("/uploads").json()["id"]
        times, one_more = asyncio.run(_held_open(service, upload, count, place / "ct.nii.gz"))
        wait_until(lambda: "omentum_open_bodies 0.0" in service.client.get("/metrics").text)
        left = [path for path in (place / "load" / "uploads" / upload).iterdir() if path.name != "more"]
    print(f"{count} uploads: health {np.median(times):.1f} ms, longest {max(times):.1f} ms", flush=True)
    return count, len(times), float(np.median(times)), max(times), one_more, len(left)


async def _held_open(service: Running, upload: str, count: int, ct: Path) -> tuple[list[float], float]:
    url = httpx.URL(service.address)
    ended = asyncio.Event()

    async def hold(number: int) -> None:
        _, sender = await asyncio.open_connection(url.host, url.port)
        head = f"PUT /uploads/{upload}/files/{number} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n"
        sender.write(head.encode())
        while not ended.is_set():
            if number % 2:
                sender.write(b"x")
            await asyncio.sleep(0.5)
        sender.close()

    holders = [asyncio.create_task(hold(number)) for number in range(count)]
    times: list[float] = []
    async with httpx.AsyncClient(base_url=service.address, timeout=WAIT_S) as client:
        while f"omentum_open_bodies {count}.0" not in (await client.get("/metrics")).text:
            await asyncio.sleep(0.1)
        for _ in range(200):
            began = time.perf_counter()
            (await client.get("/health")).raise_for_status()
            times.append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(0.05)
        began = time.perf_counter()
        (await client.put(f"/uploads/{upload}/files/more", content=ct.read_bytes())).raise_for_status()
        one_more = time.perf_counter() - began
    ended.set()
    await asyncio.gather(*holders)
    return times, one_more


def across_kills(place: Path, count: int, kills: int) -> tuple[int, int, int, int, int, int, int]:
    """Queue jobs, kill the service while they run, until all have ended."""
    service = Running(place, "kills")
    jobs = [service.submit(service.upload(place / "ct.nii.gz")) for _ in range(count)]
    for number in range(kills):
        service.wait_for_state("done", 3 * number + 1)
        service.wait_for_state("running", 1)
        service.kill()
        service = Running(place, "kills")
    found = Counter(str(service.wait(job)["state"]) for job in jobs)
    known = [one["id"] for one in service.client.get("/jobs").json()]
    folders = {job: len(list((place / "kills" / "jobs" / job).glob("attempt-*"))) for job in jobs}
    service.end()
    service.log.seek(0)
    log = service.log.read()
    twice = sum(log.count(f"job {job}: done") > 1 or folders[job] > 1 for job in jobs)
    lost = len(set(jobs) - set(known)) + len(known) - len(set(known)) + count - found["done"] - found["failed"]
    print(f"{count} jobs across {kills} kills: {dict(found)}, {lost} lost, {twice} twice", flush=True)
    return count, kills, found["done"], found["failed"], lost, twice, log.count("is queued again")


def over_many_jobs(place: Path, count: int) -> tuple[list[tuple[str, float, float, float]], float]:
    """Memory of the service and its processes after some jobs and after many."""
    first: dict[str, float] = {}
    with running(place, "many") as service:
        began = time.perf_counter()
        for number in range(count):
            job = service.submit(service.upload(place / "ct.nii.gz"))
            assert service.wait(job)["state"] == "done"
            service.client.get(f"/jobs/{job}/results/segmentation.seg.nrrd").raise_for_status()
            service.client.delete(f"/jobs/{job}").raise_for_status()
            if number == 4:
                first = memory_mb(service.process.pid)
        passed = time.perf_counter() - began
        last = memory_mb(service.process.pid)
        left = sum(path.is_file() for path in (place / "many" / "jobs").rglob("*"))
    assert not left, "results of deleted jobs are left"
    rows = [(name, first[name], last[name], last[name] / first[name] - 1) for name in first]
    print(rows, flush=True)
    return rows, passed / count


def memory_mb(service: int) -> dict[str, float]:
    """Resident memory of the service, and of the largest process below it, which computes."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            told = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except OSError:
            continue
        parents[int(status.parent.name)] = (int(told["PPid"]), int(told.get("VmRSS", "0").split()[0]) / 1000)
    below = [number for number in parents if _is_below(number, service, parents)]
    return {"the service": parents[service][1], "the device": max(parents[number][1] for number in below)}


def _is_below(number: int, above: int, parents: dict[int, tuple[int, float]]) -> bool:
    while (number := parents.get(number, (0, 0.0))[0]) > 1:
        if number == above:
            return True
    return False


def hostile_rows(place: Path) -> list[tuple[str, str, int, int]]:
    """What is answered to the hostile requests of the tests."""
    from hostile_requests import MOST_BYTES, hostile_requests
    from serving import TOKEN, serving

    rows = []
    with serving(place / "hostile", token=TOKEN, upload_gb=MOST_BYTES / 1e9) as client:
        for request in hostile_requests(client):
            answer = request.send(client)
            assert str(place) not in answer.text
            rows.append((request.kind, f"`{request.what}`", answer.status_code, request.status))
    return rows


def fuzz_rows(place: Path, examples: int) -> tuple[int, int, int, int, int, int]:
    from fuzzed_requests import fuzz
    from serving import serving

    with serving(place / "fuzz", queue=1_000_000) as client:
        answers = fuzz(client, examples)
    kinds = Counter[int]()
    for (_, status), count in answers.items():
        kinds[status // 100] += count
    return sum(kinds.values()), len({route for route, _ in answers}), kinds[2], kinds[4], kinds[5], 0


if __name__ == "__main__":
    main()
