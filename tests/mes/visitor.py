"""A patient's application or a professional's software, as far as `/mes/v1` can tell."""

from typing import Any, Self

import httpx

from mssante_sim.clients.running import Running
from mssante_sim.patient.specimens import specimen

PDF = specimen("ordonnance").content


class Visitor:
    """Someone who is signed in; answers come back as they are, `ok` insists that all went well."""

    def __init__(self, base: str, login: str, password: str) -> None:
        self.http = httpx.Client(base_url=f"{base}/mes/v1", timeout=60)
        signed_in = self.http.post("/sessions", json={"login": login, "password": password})
        assert signed_in.status_code == 201, signed_in.text
        self.token = signed_in.json()["token"]
        self.profile = signed_in.json()["profile"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"

    @classmethod
    def of(cls, running: Running, who: str) -> "Visitor":
        """Whoever plays that role."""
        login = running.account(running.roles.get(who, who)).logins[0]
        return cls(running.http, login.login, login.password)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """What comes back."""
        return self.http.request(method, path, **options)

    def ok(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """The JSON of an answer that has to be `status`."""
        answer = self.ask(method, path, **options)
        assert answer.status_code == status, (answer.status_code, answer.text[:500])
        return answer.json() if answer.content else None

    def no(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        """Status and stable word of an answer that has to say no."""
        return refusal(self.ask(method, path, **options))

    def add(self, name: str = "ordonnance.pdf", content: bytes = PDF, **said: str) -> Any:
        """A document of one's own."""
        return self.ok("POST", "/documents", 201, params={"name": name, **said}, content=content)

    def draft(self, *, files: list[tuple[str, bytes]] | None = None, **fields: Any) -> Any:
        """A draft that was written."""
        return self.ok("POST", "/drafts", 201, **form(fields, files))

    def send(self, **fields: Any) -> Any:
        """A message that is written and sent."""
        return self.ok("POST", f"/drafts/{self.draft(**fields)['id']}/send")

    def close(self) -> None:
        """No connection is left."""
        self.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def form(fields: dict[str, Any], files: list[tuple[str, bytes]] | None = None) -> dict[str, Any]:
    """multipart/form-data, also without a file; each value of a list is a field of its own."""
    parts: list[tuple[str, tuple[str | None, Any]]] = []
    for name, value in fields.items():
        parts += [(name, (None, one)) for one in (value if isinstance(value, list) else [value])]
    parts += [("attachment", (name, content)) for name, content in files or []]
    return {"files": parts}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and stable word of an answer that says no; it has a sentence too."""
    problem = answer.json()
    assert set(problem) == {"error", "sentence", "field"}, problem
    assert problem["sentence"].strip().endswith((".", ")")), problem
    return answer.status_code, problem["error"]
