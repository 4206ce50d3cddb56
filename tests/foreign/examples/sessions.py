"""A session store: fields that end together, prolonged by use, listed by user.

    python3 sessions.py PORT

A session is a hash with a deadline. A set of each user's sessions makes "log out everywhere" possible; what is in the set
and no longer there is removed when somebody looks.
"""
import secrets
import sys
import time

import redis


class Sessions:
    def __init__(self, client, seconds):
        self.client, self.seconds = client, seconds

    def begin(self, user, **fields):
        token = secrets.token_hex(16)
        # One unit: nobody sees a session without its deadline.
        with self.client.pipeline() as unit:
            unit.hset(f"session:{token}", mapping={"user": user, **fields})
            unit.pexpire(f"session:{token}", int(self.seconds * 1000))
            unit.sadd(f"sessions:{user}", token)
            unit.execute()
        return token

    def load(self, token):
        """The session's fields, and a fresh deadline; None if it is over."""
        with self.client.pipeline() as unit:
            unit.hgetall(f"session:{token}")
            unit.pexpire(f"session:{token}", int(self.seconds * 1000))
            fields, _ = unit.execute()
        return fields or None

    def end(self, token):
        user = self.client.hget(f"session:{token}", "user")
        self.client.delete(f"session:{token}")
        if user is not None:
            self.client.srem(f"sessions:{user}", token)

    def of(self, user):
        """A user's sessions that are not over; the others are forgotten."""
        tokens = self.client.smembers(f"sessions:{user}")
        alive = {token for token in tokens if self.client.exists(f"session:{token}")}
        if tokens - alive:
            self.client.srem(f"sessions:{user}", *(tokens - alive))
        return alive

    def end_all(self, user):
        for token in self.of(user):
            self.end(token)


def main():
    client = redis.Redis(port=int(sys.argv[1]), decode_responses=True)
    client.flushdb()
    sessions = Sessions(client, seconds=1000)
    token = sessions.begin("ann", language="en", cart="3")
    assert sessions.load(token) == {"user": "ann", "language": "en", "cart": "3"}
    assert sessions.load("forged") is None
    client.hincrby(f"session:{token}", "cart", 1)
    assert sessions.load(token)["cart"] == "4"
    assert client.ttl(f"session:{token}") > 990, "a change of a field leaves the deadline alone"
    sessions.begin("ann")
    assert len(sessions.of("ann")) == 2
    sessions.end(token)
    assert sessions.load(token) is None and len(sessions.of("ann")) == 1
    sessions.end_all("ann")
    assert sessions.of("ann") == set() and client.exists("sessions:ann") == 0, "an empty set is no key"

    short = Sessions(client, seconds=0.05)
    token = short.begin("bob")
    until = time.monotonic() + 10
    while client.exists(f"session:{token}"):
        assert time.monotonic() < until, "the session does not end"
    assert short.load(token) is None and short.of("bob") == set()
    print("sessions: all well")


main()
