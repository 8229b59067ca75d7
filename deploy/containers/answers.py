"""The health check inside a container: does what runs here answer as it should?

python answers.py PORT PATH STATUS      # exits 0 if so; else 1, and the answer is in `docker inspect`
"""

import http.client
import sys


def answer(port: int, path: str) -> tuple[int, str]:
    """The status and the beginning of the body; status 0 and the reason when nothing answers within 12 seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=12)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(2_000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as reason:
        return 0, repr(reason)
    finally:
        connection.close()


if __name__ == "__main__":
    found, body = answer(int(sys.argv[1]), sys.argv[2])
    print(found, body)
    sys.exit(0 if found == int(sys.argv[3]) else 1)
