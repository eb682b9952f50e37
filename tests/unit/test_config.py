from pathlib import Path

import pytest

from mssante_sim.config import Ports, SettingsError, default_home, load_settings


def test_each_source_lies_over_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "sim.toml"
    file.write_text('host_name = "file"\nsealing = false\nseed = 5\n[ports]\nimap = 1143\nhttp = 1080\n')
    environment = {"MSSANTE_SIM_SEED": "6", "MSSANTE_SIM_PORTS_HTTP": "0", "MSSANTE_SIM_HOME": str(tmp_path)}
    settings = load_settings(file=file, environment=environment, flags={"seed": 7, "bind": None})
    assert (settings.host_name, settings.sealing, settings.seed, settings.bind) == (
        "file",
        False,
        7,
        "127.0.0.1",
    )
    assert (settings.ports.imap, settings.ports.http, settings.ports.submission) == (1143, 0, 2587)
    assert settings.home == tmp_path


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("colour = 1", "Unknown setting 'colour'"),
        ("seed = 'x'", "must be of type int"),
        ("sealing = 1", "must be of type bool"),
        ("patients_receive = 'all'", "one of answers, professionals, never"),
        ("ports = 3", "must be a table"),
        ("[ports]\npop = 110", "Unknown setting 'pop'"),
        ("seed =", "not valid TOML"),
    ],
)
def test_a_setting_without_meaning_is_refused_with_a_sentence(text: str, word: str, tmp_path: Path) -> None:
    file = tmp_path / "sim.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=word) as refused:
        load_settings(file=file, environment={})
    assert refused.value.exit_code == 2


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(file=tmp_path / "absent.toml", environment={})


def test_a_port_base_gives_consecutive_ports_or_free_ones() -> None:
    assert Ports.from_base(4000) == Ports(4000, 4001, 4002, 4003, 4004, 4005, 4006)
    assert Ports.from_base(0) == Ports(0, 0, 0, 0, 0, 0, 0)
    with pytest.raises(SettingsError):
        Ports.from_base(65_530)


def test_the_home_can_be_chosen_by_the_environment() -> None:
    assert default_home({"MSSANTE_SIM_HOME": "/x"}) == Path("/x")
