"""A leaderboard: points, places, neighbours, and the best of the week.

    python3 leaderboard.py PORT

A sorted set is the board: the score is the points, and a place is a rank. One key for each week, and a union of them for
the month.
"""
import sys

import redis


class Leaderboard:
    def __init__(self, client, name):
        self.client, self.name = client, name

    def add(self, player, points):
        """Adds to a player's points, and returns the sum."""
        return int(self.client.zincrby(self.name, points, player))

    def best_result(self, player, points):
        """Keeps the best of a player's results. Whether this one is it."""
        return bool(self.client.zadd(self.name, {player: points}, gt=True, ch=True))

    def place(self, player):
        """1 for the best; None for who has never played."""
        rank = self.client.zrevrank(self.name, player)
        return None if rank is None else rank + 1

    def top(self, count):
        return [(player, int(points)) for player, points in self.client.zrevrange(self.name, 0, count - 1, withscores=True)]

    def around(self, player, count=1):
        """A player with those just above and below."""
        rank = self.client.zrevrank(self.name, player)
        return [] if rank is None else self.client.zrevrange(self.name, max(rank - count, 0), rank + count)


def main():
    client = redis.Redis(port=int(sys.argv[1]), decode_responses=True)
    client.flushdb()
    week = Leaderboard(client, "board:week:1")
    for player, points in [("ann", 50), ("bob", 40), ("cy", 70), ("dee", 40), ("ann", 30)]:
        week.add(player, points)
    assert week.top(2) == [("ann", 80), ("cy", 70)]
    assert week.place("cy") == 2 and week.place("nobody") is None
    # Equal points are ordered by name, backwards here: the board needs a rule of its own if that is not fair.
    assert week.around("dee") == ["cy", "dee", "bob"]

    best = Leaderboard(client, "board:best")
    assert best.best_result("ann", 10) and not best.best_result("ann", 7) and best.best_result("ann", 12)
    assert best.top(1) == [("ann", 12)]

    Leaderboard(client, "board:week:2").add("bob", 100)
    # The last week counts double.
    client.zunionstore("board:month", {"board:week:1": 1, "board:week:2": 2})
    assert Leaderboard(client, "board:month").top(1) == [("bob", 240)]

    # A board of many: a place is found without looking at the others.
    with client.pipeline(transaction=False) as pipeline:
        for n in range(10_000):
            pipeline.zadd("board:many", {f"player:{n}": n})
        pipeline.execute()
    assert Leaderboard(client, "board:many").place("player:0") == 10_000
    print("leaderboard: all well")


main()
