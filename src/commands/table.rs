//! Tables for people.

/// Lines of columns, as wide as their longest cell, below their titles. Cells under a title that begins with a blank
/// are flush right.
pub(crate) fn table<const COLUMNS: usize>(
    titles: [&str; COLUMNS],
    rows: &[[String; COLUMNS]],
) -> String {
    let is_right = titles.map(|title| title.starts_with(' '));
    let titles = titles.map(|title| title.trim().to_owned());
    let lines = || std::iter::once(&titles).chain(rows);
    let length = |cell: &String| cell.chars().count();
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        lines()
            .map(|cells| length(&cells[column]))
            .max()
            .unwrap_or(0)
    });
    let mut text = String::new();
    for cells in lines() {
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let width = widths[column];
            line += &match is_right[column] {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            };
            line += "  ";
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// A number of bytes, to three digits: `812 B`, `61.2 kB`, `48.0 MB`.
pub(crate) fn bytes(count: usize) -> String {
    let mut count = count as f64;
    for unit in ["B", "kB", "MB"] {
        if count < 999.5 {
            let digits = usize::from(unit != "B" && count < 99.95);
            return format!("{count:.digits$} {unit}");
        }
        count /= 1000.0;
    }
    format!("{count:.1} GB")
}

/// A time that has passed, in its largest unit: `3 s`, `5 min`, `2 h`, `4 d`.
pub(crate) fn age(seconds: f64) -> String {
    let (count, unit) = match seconds {
        ..120.0 => (seconds, "s"),
        120.0..7200.0 => (seconds / 60.0, "min"),
        7200.0..172_800.0 => (seconds / 3600.0, "h"),
        _ => (seconds / 86_400.0, "d"),
    };
    format!("{count:.0} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_longest_cell() {
        let rows = [
            ["a…".to_owned(), "7".to_owned()],
            ["long".to_owned(), "1000".to_owned()],
        ];
        assert_eq!(
            table(["key", " n"], &rows),
            "key      n\na…       7\nlong  1000\n"
        );
    }

    #[test]
    fn sizes_and_ages_are_short() {
        let sizes = [0, 999, 1000, 61_234, 123_456, 48_000_000, 5_000_000_000];
        assert_eq!(
            sizes.map(bytes),
            [
                "0 B", "999 B", "1.0 kB", "61.2 kB", "123 kB", "48.0 MB", "5.0 GB"
            ]
        );
        let ages = [0.4, 119.0, 300.0, 7200.0, 864_000.0];
        assert_eq!(ages.map(age), ["0 s", "119 s", "5 min", "2 h", "10 d"]);
    }
}
