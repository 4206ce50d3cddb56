"""An optimistic transfer: money moves from one account to another, and none is made or lost.

    python3 transfer.py PORT

WATCH the accounts, read them, decide, write in MULTI. If another client has changed one of them in between, EXEC does
nothing, and the whole is tried again. No lock is held, so none is left behind by a client that crashes.
"""
import random
import sys
import threading

import redis


class NotEnough(Exception):
    """The account has less than was to be taken."""


def transfer(client, source, target, amount):
    """How many attempts it took."""
    attempts = 0
    with client.pipeline() as unit:
        while True:
            attempts += 1
            try:
                unit.watch(source, target)
                # After WATCH commands are sent at once, until MULTI.
                if int(unit.get(source) or 0) < amount:
                    unit.unwatch()
                    raise NotEnough(source)
                unit.multi()
                unit.decrby(source, amount)
                unit.incrby(target, amount)
                unit.execute()
                return attempts
            except redis.WatchError:
                continue


def main():
    client = redis.Redis(port=int(sys.argv[1]), decode_responses=True)
    client.flushdb()
    accounts = [f"account:{n}" for n in range(5)]
    client.mset({account: 100 for account in accounts})
    try:
        transfer(client, accounts[0], accounts[1], 1000)
        raise SystemExit("it took money that was not there")
    except NotEnough:
        assert client.get(accounts[0]) == "100"

    # One who is disturbed once: the first EXEC fails, the second runs.
    disturbed = redis.Redis(port=int(sys.argv[1]), decode_responses=True)
    with client.pipeline() as unit:
        unit.watch(accounts[0])
        disturbed.incrby(accounts[0], 0)
        unit.multi()
        unit.incrby(accounts[0], 1)
        try:
            unit.execute()
            raise SystemExit("a change went unnoticed")
        except redis.WatchError:
            pass

    attempts, lock = [], threading.Lock()

    def work(seed):
        own, chance = redis.Redis(port=int(sys.argv[1]), decode_responses=True), random.Random(seed)
        for _ in range(25):
            source, target = chance.sample(accounts, 2)
            try:
                took = transfer(own, source, target, chance.randint(1, 30))
                with lock:
                    attempts.append(took)
            except NotEnough:
                pass

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    balances = [int(balance) for balance in client.mget(accounts)]
    assert sum(balances) == 500 and min(balances) >= 0, balances
    assert attempts and all(took >= 1 for took in attempts)
    print("transfer: all well")


main()
