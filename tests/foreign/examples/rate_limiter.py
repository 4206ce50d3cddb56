"""A rate limiter: so many requests in so many seconds, no matter when the seconds begin.

    python3 rate_limiter.py PORT

A sorted set for each client, with the time of each request as its score: what is older than the window is removed, the new
one added, the rest counted. One unit, so that two requests at once do not both find room for one. A refused request counts
as well: who hammers stays out.
"""
import itertools
import sys
import threading
import time

import redis


class Limiter:
    def __init__(self, client, most, seconds):
        self.client, self.most, self.seconds = client, most, seconds
        self.numbers = itertools.count()

    def allows(self, who, now=None):
        now = time.time() if now is None else now
        key = f"requests:{who}"
        # Two requests of one moment are two members.
        member = f"{now}:{threading.get_ident()}:{next(self.numbers)}"
        with self.client.pipeline() as unit:
            unit.zremrangebyscore(key, "-inf", now - self.seconds)
            unit.zadd(key, {member: now})
            unit.zcard(key)
            unit.pexpire(key, int(self.seconds * 1000))
            return unit.execute()[2] <= self.most


def main():
    client = redis.Redis(port=int(sys.argv[1]), decode_responses=True)
    client.flushdb()
    limiter = Limiter(client, most=3, seconds=10)
    times = [0, 1, 2, 3, 9.5, 13.5, 14]
    # At 13.5 those of 3 and before are over; 9.5 was refused, and counts.
    assert [limiter.allows("ann", 1000 + at) for at in times] == [True, True, True, False, False, True, True]
    assert limiter.allows("bob", 1003), "each has a window of his own"
    assert 0 < client.pttl("requests:ann") <= 10_000, "who stays away is forgotten"

    # Fifty threads at once: exactly as many get in as may.
    crowd, allowed = Limiter(client, most=20, seconds=1000), []
    threads = [threading.Thread(target=lambda: allowed.append(crowd.allows("crowd"))) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert allowed.count(True) == 20, allowed.count(True)
    print("rate limiter: all well")


main()
