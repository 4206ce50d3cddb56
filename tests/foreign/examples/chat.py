"""A chat: rooms that speak to whoever is there, and remember the last lines for whoever comes.

    python3 chat.py PORT

PUBLISH stores nothing, so each line is also put into a list, which LTRIM keeps short. Both in one unit: who joins gets the
list and then the messages, and misses no line between them.
"""
import sys
import threading

import redis

LINES = 3


def say(client, room, who, text):
    """How many have heard it."""
    line = f"{who}: {text}"
    with client.pipeline() as unit:
        unit.rpush(f"history:{room}", line)
        unit.ltrim(f"history:{room}", -LINES, -1)
        unit.publish(f"room:{room}", line)
        return unit.execute()[-1]


class Listener(threading.Thread):
    """Collects what is said in a room, the last lines before it came included, until somebody says goodbye."""

    def __init__(self, port, room):
        super().__init__(daemon=True)
        self.client = redis.Redis(port=port, decode_responses=True)
        self.channel = self.client.pubsub()
        self.channel.subscribe(f"room:{room}")
        assert self.channel.get_message(timeout=10)["type"] == "subscribe"
        # Subscribed first, then the history: a line may come twice, and none is missed.
        self.heard = self.client.lrange(f"history:{room}", 0, -1)
        self.start()

    def run(self):
        for message in self.channel.listen():
            if message["type"] == "message":
                self.heard.append(message["data"])
                if message["data"].endswith("goodbye"):
                    return


def main():
    port = int(sys.argv[1])
    client = redis.Redis(port=port, decode_responses=True)
    client.flushdb()
    assert say(client, "kitchen", "ann", "is anybody here?") == 0
    listeners = [Listener(port, "kitchen") for _ in range(20)]
    elsewhere = Listener(port, "garden")
    assert say(client, "kitchen", "bob", "we all are") == 20
    assert say(client, "garden", "cy", "goodbye") == 1
    for n in range(100):
        assert say(client, "kitchen", "ann", f"line {n}") == 20
    say(client, "kitchen", "ann", "goodbye")
    said = ["ann: is anybody here?", "bob: we all are", *(f"ann: line {n}" for n in range(100)), "ann: goodbye"]
    for listener in listeners:
        listener.join(timeout=20)
        assert listener.heard == said, listener.heard[:5]
    elsewhere.join(timeout=20)
    assert elsewhere.heard == ["cy: goodbye"]
    assert client.lrange("history:kitchen", 0, -1) == said[-LINES:]

    # By pattern: one that hears every room.
    spy = client.pubsub()
    spy.psubscribe("room:*")
    assert spy.get_message(timeout=10)["type"] == "psubscribe"
    say(client, "attic", "dee", "boo")
    message = spy.get_message(timeout=10)
    assert (message["type"], message["channel"], message["data"]) == ("pmessage", "room:attic", "dee: boo")
    print("chat: all well")


main()
