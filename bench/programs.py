"""What is measured in a process of its own: each program prints its figures as JSON."""

from __future__ import annotations

IMPORT = """
import json, time
before = time.process_time()
import airtape
print(json.dumps({"import": (time.process_time() - before) * 1e3}))
"""

COMPARED = """
import json, time
before = time.process_time()
import asyncio
print(json.dumps({"compared": (time.process_time() - before) * 1e3}))
"""
"""A module of the standard library, to tell how quick the machine is at the moment."""

SCRIPT = """
import json, resource
import airtape
with airtape.init(project="bench", mode="offline") as run:
    for i in range(10):
        run.log({"loss": 1 / (i + 1)})
print(json.dumps({"rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""
"""Ten points, and the most memory that the process had."""

WITH_GPU = f"import psutil, pynvml{SCRIPT}"
"""The same where there is a GPU: its library is loaded too."""

START_AND_STOP = """
import json, os, threading, time

synced = 0.0
def timed(sync):
    def call(fd):
        global synced
        start = time.perf_counter()
        sync(fd)
        synced += time.perf_counter() - start
    return call
os.fsync, os.fdatasync = timed(os.fsync), timed(os.fdatasync)

import airtape

start = time.perf_counter()
run = airtape.init(project="bench", mode="offline")
init, init_synced, synced = time.perf_counter() - start, synced, 0.0
run.log({"loss": 1.0})
while any(thread.name == "airtape-metadata" for thread in threading.enumerate()):
    time.sleep(0.01)
start = time.perf_counter()
run.finish()
finish = time.perf_counter() - start
print(json.dumps({
    "init": init * 1e3, "init_synced": init_synced * 1e3,
    "finish": (finish - synced) * 1e3, "finish_synced": synced * 1e3,
}))
"""
"""init() and finish(), and what of them the disk took to make files durable."""

STEPS = """
import json, time
import airtape

STEP_NS = 2_000_000
STEPS = 1500
run = airtape.init(project="bench", mode="offline")
clock = time.perf_counter_ns
inside = 0
for step in range(STEPS):
    until = clock() + STEP_NS
    while clock() < until:
        pass
    start = clock()
    run.log({"loss": 1 / (step + 1), "accuracy": step / STEPS, "lr": 3e-4, "grad": 0.5, "epoch": 1})
    inside += clock() - start
run.finish()
print(json.dumps({"added": 100 * inside / STEPS / STEP_NS}))
"""
"""Time in log() of five scalars, in percent of steps of two milliseconds that compute in Python."""

SAMPLE = """
import json, time
from airtape.collectors.machine_metrics import MachineMetrics
from airtape.control_groups import ControlGroups

parts = MachineMetrics(ControlGroups(), ["/"]).parts
taken = []
for _ in range(50):
    start = time.thread_time()
    for part in parts.values():
        part()
    taken.append(time.thread_time() - start)
print(json.dumps({"sample": min(taken) * 1e3}))
"""
"""Processor time of one sample of the machine."""
