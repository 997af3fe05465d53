"""Names of files that nobody should choose: those that are carried, and those that are refused."""

from __future__ import annotations

from typing import Final

CARRIED: Final = (
    *("a b", "a  b", " lead", "trail ", "-x", "--help", "-rf", "a#b", "a: b", "a,b", "a=b", "a%b", "%0A", "%s", "{0}"),
    *("$(touch ran)", "`touch ran`", "a;touch ran", "a|touch ran", "a&touch ran", "a>ran", "${HOME}", "$HOME", "~"),
    *('a"b', "a'b", '"', "'", "a\\b", "\\n", "*", "?", "[a]", "{a,b}", "!a", "a!b", "&a", "*a", "@everyone"),
    *("<img src=x onerror=alert(1)>", "<script>alert(1)<", "&lt;", "[x](javascript:alert(1))", "**b**", "a|b|c", "```"),
    *("# h", "::error::x", "##[error]x", "- a", "? a", "null", "true", "1", "1e5", "=", "<<", "__proto__", "x.yaml"),
    *("北京", "😀", "é", "ß", "ﬁ", "a\u202eb", "a\u200bb", "a\u00adb", "a\u00a0b", "\u0378", "\U000e0001", "a" * 200),
)
"""Below the config root, without the suffix: each is a preset's name, its base's, and its mix's."""

REFUSED: Final = (
    *("a\nb", "a\rb", "a\tb", "a\x1b[31mb", "a\x07b", "a\x7fb", "a\x85b", "a\u2028b", "a\u2029b", "a\ufeffb"),
    *("a\ufffeb", "\udce9", "a\udcffb"),
)
"""What a line of a lock's header cannot hold."""
