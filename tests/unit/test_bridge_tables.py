"""Score files that are tables: what programs write anywhere, each with the right values or refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cases import CASES
from pullback_client.bridge.score_files import Reading, read
from pullback_client.bridge.score_files.scores import ScoreFile, UnreadableError

NAN = float("nan")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "block000.csv"


def table(path: Path, content: str | bytes) -> ScoreFile:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read(path, Reading(images=4))


def test_channels_are_taken_by_their_numbers_and_not_by_where_they_stand() -> None:
    found = read(CASES / "channels_sorted.csv", Reading(images=4))
    expected = [[100 * channel + row for channel in range(1, 13)] for row in range(4)]
    # Channels 10 to 12 were scaled as 1000, 1100, 1200.
    np.testing.assert_array_equal(found.values, expected)


def test_a_table_of_tabs_is_a_table() -> None:
    found = read(CASES / "tab.csv", Reading(images=2))
    assert found.ids == ("a", "b")
    assert found.values.tolist() == [[1], [2]]


PLAIN = "image_id,score\na,0.5\nb,-2\nc,\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.rstrip("\n"),
        b"\xef\xbb\xbf" + PLAIN.encode(),
        PLAIN.encode("utf-16"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.replace(",", "\t").encode("utf-16"),  # Excel's "Unicode text"
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", ";").replace("0.5", "0,5"),
        PLAIN.replace(",", "\t").replace("0.5", "0,5"),
        'image_id,score\na,"0,5"\nb,-2\nc,\n',
        "sep=;\n" + PLAIN.replace(",", ";"),
        "SEP=;\r\n" + PLAIN.replace(",", ";").replace("\n", "\r\n"),
        b"\xef\xbb\xbfsep=\t\r\n" + PLAIN.replace(",", "\t").encode(),
        '"image_id","score"\n"a","0.5"\n"b","-2"\n"c",""\n',
        " Image ID , SCORE \n a , 0.5 \n b , -2 \n c , \n",
        "Image-Id;Score;;\na;0.5;;\nb;-2;;\nc;;;\n;;;\n\n",
        "score,image_id\n0.5,a\n-2,b\n,c\n",
        "# monkey B, 12 Nov\n% rig's 2\n\nimage_id,score\n# \"a fixation break\na,0.5\n\nb,-2\nc,nan\n",
        'image_id,score,note\na,0.5,"two\n# lines"\nb,-2,\nc\n'.replace("\nc\n", "\nc,NA\n"),
        b"image_id,score,note\na,0.5,gr\xfcn\nb,-2,\nc,N/A,\n",
        "index,image_id,score\n9,a,0.5\n9,b,-2\n9,c,null\n",
        "image_id,score\na,5e-1\nb,-2.0\nc, NaN\n",
    ],
)
def test_one_table_in_many_hands_has_the_same_values(path: Path, content: str | bytes) -> None:
    found = table(path, content)
    assert found.ids == ("a", "b", "c")
    np.testing.assert_array_equal(found.values, [[0.5], [-2], [NAN]])


@pytest.mark.parametrize("numbers", ["1,2,3", "0,1,2", "01,02,03"])
@pytest.mark.parametrize("name", ["channel_{}", "Channel {}", "CHANNEL-{}", "channel{}"])
def test_channels_have_names_in_many_hands(path: Path, numbers: str, name: str) -> None:
    first, second, third = (name.format(number) for number in numbers.split(","))
    found = table(path, f"{third},index,{first},t_onset,{second}\n3,0,1,0.25,2\n30,1,10,,20\n")
    assert found.places == (0, 1)
    assert found.values.tolist() == [[1, 2, 3], [10, 20, 30]]
    assert found.onsets is not None
    np.testing.assert_array_equal(found.onsets, [0.25, NAN])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image_id,score,score\na,1,2\n", r"columns 2, 3 of line 1 are all called score"),
        ("image_id,Image ID,score\na,b,2\n", r"columns 1, 2 of line 1 are all called image_id"),
        ("index,index,score\n0,1,2\n", r"columns 1, 2 of line 1 are all called index"),
        ("index,score,t_onset,t onset\n0,1,2,3\n", r"columns 3, 4 of line 1 are all called t_onset"),
        (
            "index,channel_1,channel 01\n0,1,2\n",
            r"columns 2 and 3 of line 1, channel_1 and channel 01, are one channel",
        ),
        ("index,score,channel_1\n0,1,2\n", r"line 1 has both score and channel_1"),
        ("index,channel_1,channel_3\n0,1,2\n", r"numbered 1 to 3, and there is no channel_2"),
        ("index,channel_2,channel_3\n0,1,2\n", r"numbered 2 to 3, and there is no channel_1"),
        ("index,channel_0,channel_2\n0,1,2\n", r"numbered 0 to 2, and there is no channel_1"),
        ("index,channel,score\n0,1,2\n", r"column 2 of line 1 is channel: expected one column per channel"),
        ("# x\nindex,channel_a\n0,1\n", r"column 2 of line 2 is channel_a"),
        (
            'index,score\n0,0\n1,1.5\n2,"1,5"\n',
            r"'1,5' in line 4, column score has a comma, and '1\.5' in line 3",
        ),
        ("index;score\n0;1.234,5\n", r"'1\.234,5' in line 2, column score has a comma, and '1\.234,5' in line 2"),
        ("index\tscore\n0\t1,234\n", r"'1,234' in line 2, column score may be 1\.234 or 1234"),
        ('index,score\n0,"12,345"\n', r"may be 12\.345 or 12345"),
        ("index;score\n0;1,2,3\n", r"'1,2,3' in line 2, column score, is no number"),
        ("index,score\n0,1_0\n", r"'1_0' in line 2, column score, is no number"),
        ("index,score\n0,#DIV/0!\n", r"'#DIV/0!' in line 2, column score, is no number"),
        ("index,score\n0,1\nindex,score\n", r"'score' in line 3, column score, is no number"),
        ("index,score\n0,0,5\n", r"line 2 has 3 cells, the header 2"),
        ("index,score\n0.5,1\n", r"0\.5 is no place in a block, which are counted from 0"),
        ("index,score\nnan,1\n", r"nan is no place in a block"),
        ("image_id,score\n,1\n", r"line 2 names no image: its image_id is empty"),
        ("image_id,score\na\n", r"line 2 has not as many cells as the header: 1 came, and column 2 is score"),
        ('image_id,score\n"a,1\n', r"block000\.csv: unexpected end of data"),
        ("sep=;\nimage_id,score\na,1\n", r"line 2, apart by semicolons, is: image_id,score"),
        ("image_id|score\na|1\n", r"expected a header .* line 1, apart by commas, is: image_id\|score"),
        ("a,1\nb,2\n", r"expected a header with image_id or index, and score .* line 1, apart by commas, is: a, 1"),
        ("", r"expected a header .*, but it has no row"),
        (b"i\0n\0d\0e\0x\0", r"holds zero bytes: it is half written, or UTF-16 without its mark"),
        ("image_id,score\ngr\u00fcn,1\n".encode("cp1252"), r"the name in line 2 is not UTF-8: save the file as UTF-8"),
        ("image_id,score\na,1\nb\u00fc".encode()[:-1], r"ends within a character: it is half written"),
        ("image_id,score\na,1\n".encode("utf-16")[:-1], r"block000\.csv cannot be read: "),
    ],
)
def test_what_can_be_understood_in_two_ways_or_none_is_refused_saying_where(
    path: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(UnreadableError, match=message) as raised:
        table(path, content)
    assert str(path) in str(raised.value)


def test_a_row_whose_first_cell_starts_as_a_comment_does_is_a_row(path: Path) -> None:
    found = table(path, "# of monkey B\ntrial,image_id,score\n#1,a,1\n# a fixation break\n%2,b,2\n")
    assert found.ids == ("a", "b")
    assert found.values.tolist() == [[1], [2]]


def test_a_last_line_without_an_end_is_known_to_be_open(path: Path) -> None:
    assert table(path, "index,score\n0,1").open_ended
    assert not table(path, "index,score\n0,1\r").open_ended
    assert table(path, "index,score\n0,1\n").lines == (2,)
