"""`podgraph attribute`: exact credits of a file of paths, or one sentence that names the line."""

import gzip
import json
import subprocess
import sys
import time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.commands.failures import Failure
from gateway.commands.path_file import _PIECE, _ROWS, PathFile, read_paths
from tests.gateway.commands.terminal import Terminal

HEADER = "path,total_conversions,total_conversion_value,total_null\n"
# Of three journeys two start with a and one with b; half of those that reach c convert.
SMALL = f"{HEADER}a > b > c,1,2.5,0\na,0,0,1\nb > c,0,0.0,1\n"
# Without the time of day: it is part of the names of tests, which must be the same in every process.
ZIPPED = gzip.compress(SMALL.encode(), mtime=0)


@pytest.fixture
def anybody(terminal: Terminal) -> Terminal:
    """A terminal; the command needs no database."""
    return terminal


def written(folder: Path, content: str | bytes, name: str = "paths.csv") -> str:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(file)


def printed(terminal: Terminal, *arguments: str) -> Any:
    said = terminal.run("attribute", *arguments, "--format", "json")
    assert (said.status, said.err) == (0, "")
    return json.loads(said.out, parse_float=Decimal)


def contents(paths: PathFile) -> list[tuple[object, ...]]:
    """Every row as read: channels, conversions, nulls, value."""
    counts, spans = paths.counts, paths.counts.offsets.tolist()
    return [
        ([paths.channels[node] for node in counts.nodes[start:end]], *numbers)
        for start, end, *numbers in zip(
            spans[:-1],
            spans[1:],
            counts.conversions.tolist(),
            counts.nulls.tolist(),
            counts.values["value"].tolist(),
            strict=True,
        )
    ]


def test_json_has_every_digit_and_the_totals(anybody: Terminal, tmp_path: Path) -> None:
    assert printed(anybody, written(tmp_path, SMALL), "--model", "markov") == {
        "model": "MARKOV",
        "version": 1,
        "parameters": {"withNullPaths": "true"},
        "paths": 3,
        "conversions": 1,
        "value": Decimal("2.5"),
        "channels": [
            {
                "channel": channel,
                "conversions": Decimal(share),
                "share": Decimal(share),
                "value": Decimal(value),
                "removalEffect": Decimal(effect),
            }
            for channel, share, value, effect in (
                ("b", "0.4", "1", "1"),
                ("c", "0.4", "1", "1"),
                ("a", "0.2", "0.5", "0.5"),
            )
        ],
    }


def test_table_shows_credits_and_sums(anybody: Terminal, tmp_path: Path) -> None:
    said = anybody.run("attribute", written(tmp_path, SMALL), "--model", "MARKOV")
    assert (said.status, said.err) == (0, "")
    cells = [[cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")] for line in said.out.splitlines()]
    assert said.out.splitlines()[0].strip() == "MARKOV, withNullPaths true: 3 paths"
    assert ["channel", "conversions", "share", "value", "removal effect"] in cells
    assert ["a", "0.200000", "0.200000", "0.500000", "0.500000"] in cells
    assert ["total", "1", "1", "2.500000", ""] in cells


def test_columns_may_be_missing_or_in_another_order(anybody: Terminal, tmp_path: Path) -> None:
    file = written(tmp_path, "note,total_conversions,path\nx,3,a>b\ny,1, b \n")
    assert printed(anybody, file, "--model", "LINEAR")["channels"] == [
        {"channel": "b", "conversions": Decimal("2.5"), "share": Decimal("0.625")},
        {"channel": "a", "conversions": Decimal("1.5"), "share": Decimal("0.375")},
    ]


def test_without_nulls_markov_says_that_it_saw_conversions_alone(anybody: Terminal, tmp_path: Path) -> None:
    said = anybody.run("attribute", written(tmp_path, "path,total_conversions\na > b,2\n"), "--model", "MARKOV")
    assert said.status == 0
    assert said.err == "There is no column total_null: only journeys that converted count.\n"


def test_value_of_no_conversion_is_left_out_and_said(anybody: Terminal, tmp_path: Path) -> None:
    file = written(tmp_path, f"{HEADER}a,1,5,0\nb,0,7,1\n")
    said = anybody.run("attribute", file, "--model", "LINEAR", "--format", "json")
    assert said.err == "1 paths have a value but no conversion: this value is left out.\n"
    assert [row["value"] for row in json.loads(said.out)["channels"]] == [5, 0]


def test_parameters_are_the_models(anybody: Terminal, tmp_path: Path) -> None:
    file = written(tmp_path, "path,total_conversions\na > b > c,1\n")
    options = ("--model", "position-based", "--parameter", "firstShare=0.5", "--parameter", "lastShare=0.3")
    done = printed(anybody, file, *options)
    assert done["parameters"] == {"firstShare": "0.5", "lastShare": "0.3"}
    assert [(row["channel"], row["conversions"]) for row in done["channels"]] == [
        ("a", Decimal("0.5")),
        ("c", Decimal("0.3")),
        ("b", Decimal("0.2")),
    ]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--model", "GUESS"], "--model GUESS: There is no such model: choose one of FIRST_TOUCH, LAST_TOUCH, "),
        (["--model", "LINEAR", "--parameter", "x=1"], "--parameter x: LINEAR has no parameter of this name: it takes"),
        (["--model", "LINEAR", "--parameter", "x"], "--parameter x: write it as name=value, and each name once."),
        (
            ["--model", "POSITION_BASED", "--parameter", "firstShare=NaN"],
            "--parameter firstShare: firstShare is a number from 0 to 1, with at most 12 decimals.",
        ),
        (
            ["--model", "TIME_DECAY"],
            "TIME_DECAY needs the time of every touch, which a file of counted paths does not have: choose one of",
        ),
    ],
)
def test_wrong_choice_is_a_sentence(anybody: Terminal, tmp_path: Path, options: list[str], sentence: str) -> None:
    assert anybody.sentence("attribute", written(tmp_path, SMALL), *options).startswith(sentence)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "line 1: the column path is missing; the first line names the columns path, total_conversions and, if"),
        ("a > b,1,2,3\n", "line 1: the column path is missing"),
        ("path,total_null\na,1\n", "line 1: the column total_conversions is missing"),
        ("path,total_conversions,path\n", "line 1: the column path is there twice."),
        (b"path,total_conversions\xff\n", "line 1: the header cannot be read"),
        (HEADER, "has no paths below its header."),
        (f"{HEADER}\n\n", "has no paths below its header."),
        (f"{HEADER}a,0,0,5\n", "has no conversions: there is nothing to attribute."),
        (f"{HEADER}a,1,0,0\nb,1\n", "line 3: 2 columns, where the header has 4."),
        (f"{HEADER}a,1,0,0\n\nb,1,0,0,0\n", "line 4: 5 columns, where the header has 4."),
        (f"{HEADER}a,1,0\nb,1,0,0,0\n", "line 2: 3 columns, where the header has 4."),
        (f"{HEADER}a,1,0,0\n ,1,0,0\n", "line 3: the path is empty."),
        (f"{HEADER}a > > b,1,0,0\n", "line 2: a channel of the path has no name."),
        (f"{HEADER}a,1,0,0\nb,-1,0,0\n", "line 3: total_conversions: '-1' is no whole number from 0 to 9,007,199,254,"),
        (f"{HEADER}a,1.5,0,0\n", "line 2: total_conversions: '1.5' is no whole number"),
        (f"{HEADER}a,NaN,0,0\n", "line 2: total_conversions: 'NaN' is no whole number"),
        (f"{HEADER}a,1_0,0,0\n", "line 2: total_conversions: '1_0' is no whole number"),
        (f"{HEADER}a,,0,0\n", "line 2: total_conversions: '' is no whole number"),
        (f"{HEADER}a,9007199254740992,0,0\n", "line 2: total_conversions: '9007199254740992' is no whole number"),
        (f"{HEADER}a,1,0,{'9' * 5000}\n", f"line 2: total_null: '{'9' * 40}…' is no whole number"),
        (f"{HEADER}a,1,-0.01,0\n", "line 2: total_conversion_value: '-0.01' is no amount from 0 to 9,007,199,254,740,"),
        (f"{HEADER}a,1,nan,0\n", "line 2: total_conversion_value: 'nan' is no amount"),
        (f"{HEADER}a,1,Infinity,0\n", "line 2: total_conversion_value: 'Infinity' is no amount"),
        (f"{HEADER}a,1,1e300,0\n", "line 2: total_conversion_value: '1e300' is no amount"),
        (f"{HEADER}a,1,12 EUR,0\n", "line 2: total_conversion_value: '12 EUR' is no amount"),
        (f"{HEADER}a,1,0,0\n".encode() + b"b\xff,1,0,0\n", "line 3: the file is not UTF-8: save it as UTF-8."),
        (f'{HEADER}a,1,0,0\n"b,1,0,0\nc,1,0,0\n', "line 3: a quote is not closed."),
        (f'{HEADER}"a"b,1,0,0\n', "line 2: ',' expected after '\"'."),
        (f'{HEADER}"a",1,0,0\n"a\nb",x,0,0\n', "line 3: total_conversions: 'x' is no whole number"),
        (f"{HEADER}a,1,0,0\rb,1,0,0\n", "line 2: new-line character seen in unquoted field"),
        (f"{HEADER}{'a' * (9 << 20)}", "line 2: the line is longer than 4 MiB."),
        (ZIPPED[:-9], "is a gzip file that is cut off: fetch it again."),
        (ZIPPED[:30] + b"\x00" * 50, "is a damaged gzip file: "),
        (ZIPPED[:-8] + b"\x00" * 8, "is a damaged gzip file: CRC check failed"),
    ],
)
def test_bad_file_is_a_sentence_with_the_line(
    anybody: Terminal, tmp_path: Path, content: str | bytes, sentence: str
) -> None:
    file = written(tmp_path, content)
    said = anybody.sentence("attribute", file, "--model", "LINEAR")
    assert said.removeprefix(file).lstrip(", ").startswith(sentence)


def test_missing_file_is_a_sentence(anybody: Terminal, tmp_path: Path) -> None:
    missing = str(tmp_path / "none.csv")
    assert anybody.sentence("attribute", missing, "--model", "LINEAR") == f"No such file or directory: {missing}."
    assert anybody.sentence("attribute", str(tmp_path), "--model", "LINEAR") == f"Is a directory: {tmp_path}."


def test_a_header_of_many_columns_takes_time_in_proportion(tmp_path: Path) -> None:
    header = ",".join(["path", "total_conversions", *(f"c{number}" for number in range(100_000))])
    began = time.process_time()
    found = read_paths(written(tmp_path, f"{header}\na > b,3{',' * 100_000}\n"))
    assert found.channels == ["a", "b"]
    assert time.process_time() - began < 10  # in proportion to its square, it is a minute


def test_a_files_name_begins_a_sentence_as_it_is_written(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "path,total_conversions\n")
    assert (
        terminal.sentence("attribute", "paths.csv", "--model", "LINEAR") == "paths.csv has no paths below its header."
    )


@pytest.mark.parametrize("name", ["paths.csv.gz", "paths.csv"])
def test_gzip_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    plain = read_paths(written(tmp_path, SMALL))
    zipped = read_paths(written(tmp_path, ZIPPED, name))
    assert contents(zipped) == contents(plain)


@pytest.mark.parametrize("content", [SMALL.encode(), ZIPPED])
def test_standard_input_is_read(anybody: Terminal, content: bytes) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("podgraph")), "attribute", "-", "--model", "SHAPLEY", "--format", "json"],
        input=content,
        capture_output=True,
        check=True,
    )
    assert [row["channel"] for row in json.loads(done.stdout)["channels"]] == ["a", "b", "c"]


def test_spellings_of_one_file_are_read_alike(tmp_path: Path) -> None:
    expected = [(["a", "b", "c"], 1, 0, 2_500_000_000_000), (["a"], 0, 1, 0), (["b", "c"], 0, 1, 0)]
    quoted = '"path","total_conversions","total_conversion_value","total_null"\n' + "".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) + "\n" for line in SMALL.splitlines()[1:]
    )
    for content in (
        SMALL,
        SMALL.rstrip("\n"),
        SMALL.replace("\n", "\r\n"),
        SMALL.replace("\n", "\n\n"),
        SMALL.replace(" > ", ">"),
        "\ufeff" + SMALL,
        quoted,
        quoted.replace("\n", "\r\n"),
        SMALL.replace("\nb", '\n"b').replace("b > c,0", 'b > c",0'),
        SMALL.replace("a,0,0,1", "  a ,0.0, 0 ,1."),
        SMALL.replace("2.5", "25e-1"),
    ):
        assert contents(read_paths(written(tmp_path, content))) == expected


def test_quoted_channels_may_hold_commas_quotes_and_line_breaks(tmp_path: Path) -> None:
    paths = read_paths(written(tmp_path, f'{HEADER}"a, ""b"" > c\nd",1,0,0\ne,2,0,0\n'))
    assert contents(paths) == [(['a, "b"', "c\nd"], 1, 0, 0), (["e"], 2, 0, 0)]


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("2.4019999999999997", 2_402_000_000_000),
        ("0.1234567890125", 123_456_789_012),
        ("0.1234567890135", 123_456_789_014),
        ("0.12345678901250001", 123_456_789_013),
        ("0.99999999999951", 1_000_000_000_000),
        ("1e-13", 0),
        (" 7. ", 7_000_000_000_000),
        (".5", 500_000_000_000),
        ("+1.5E1", 15_000_000_000_000),
        ("-0.0", 0),
    ],
)
def test_values_keep_twelve_decimals_and_round_what_is_beyond(tmp_path: Path, text: str, units: int) -> None:
    paths = read_paths(written(tmp_path, f"{HEADER}a,1,{text},0\n"))
    assert paths.value_places == 12
    assert paths.counts.values["value"].tolist() == [units]


@settings(deadline=None)  # files are written
@given(st.decimals(0, 10**6, places=17))
def test_values_are_rounded_as_decimals_are(tmp_path_factory: pytest.TempPathFactory, value: Decimal) -> None:
    file = written(tmp_path_factory.mktemp("value"), f"{HEADER}a,1,{value:f},0\n")
    assert read_paths(file).counts.values["value"].tolist() == [round(Fraction(value) * 10**12)]


def test_large_values_have_as_many_decimals_as_fit(anybody: Terminal, tmp_path: Path) -> None:
    file = written(tmp_path, f"{HEADER}a > b,1,9007199254740991,0\na,1,0.0015,0\n")
    paths = read_paths(file)
    assert paths.value_places == 3
    assert paths.counts.values["value"].tolist() == [9_007_199_254_740_991_000, 2]
    assert printed(anybody, file, "--model", "LINEAR")["value"] == Decimal("9007199254740991.002")


def test_control_characters_of_a_name_do_not_reach_the_terminal(anybody: Terminal, tmp_path: Path) -> None:
    said = anybody.run("attribute", written(tmp_path, f"{HEADER}\x1b[31mred [bold],1,0,0\n"), "--model", "LINEAR")
    assert "\x1b" not in said.out
    assert "\ufffd[31mred [bold]" in said.out


def test_file_of_several_pieces_is_read_whole_and_its_lines_counted(tmp_path: Path) -> None:
    count = 140_000
    rows = [f"channel {number % 7} > channel {number % 11},1,0.25,{number}\n" for number in range(count)]
    content = HEADER + "".join(rows)
    assert len(content) > _PIECE
    paths = read_paths(written(tmp_path, content))
    assert len(paths.counts.conversions) == count
    assert paths.counts.values["value"].sum() == count // 4 * 10**12
    assert paths.counts.nulls.tolist() == list(range(count))
    assert [paths.channels[node] for node in paths.counts.nodes[-2:]] == ["channel 6", "channel 2"]
    with pytest.raises(Failure, match="line 140002: total_null: 'x' is no whole number"):
        read_paths(written(tmp_path, content + "a,1,0,x\n"))
    with pytest.raises(Failure, match="line 140003: total_null: 'x' is no whole number"):
        read_paths(written(tmp_path, content + '"a",1,0,0\na,1,0,x\n'))


def test_lines_are_counted_beyond_the_rows_that_are_taken_at_once(tmp_path: Path) -> None:
    rows = "a,1,0,0\n" * (_ROWS + 10)
    with pytest.raises(Failure, match="line 50013: total_null: 'x' is no whole number"):
        read_paths(written(tmp_path, f'{HEADER}"a, b",1,0,0\n{rows}a,1,0,x\n'))


@settings(deadline=None)  # files are written
@given(
    st.lists(
        st.tuples(
            st.lists(st.text(st.characters(codec="utf-8", exclude_characters='>\r\n\0",'), min_size=1), min_size=1),
            st.integers(0, 99),
        ),
        min_size=1,
    )
)
def test_plain_and_quoted_rows_are_read_alike(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[list[str], int]]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    lines = [(" > ".join(touches), str(count)) for touches, count in rows]
    outcomes: list[object] = []
    for mark in ("", '"'):
        text = "".join(f"{mark}{path}{mark},{count}\n" for path, count in lines)
        try:
            outcomes.append(contents(read_paths(written(folder, f"path,total_conversions\n{text}"))))
        except Failure as failure:
            outcomes.append(str(failure))
    assert outcomes[0] == outcomes[1]
