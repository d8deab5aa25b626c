//! What becomes of rows that refer to each other when some of them are deleted, one after the other: which surely go, and which surely
//! stay. What lies between hangs on the order in which a database looks at one statement's rows.

/// Rows by number, and how they refer to each other.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: Vec<Row>,
    checks: Checks,
}

/// When a database looks for rows that stand in the way of those that a statement deletes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Checks {
    /// For each row, before it goes: rows that hold each other stay.
    EachRow,
    /// Once all rows of the statement are gone: rows that hold each other go together.
    Statement,
    /// By one reference so, by another so.
    #[default]
    Either,
}

#[derive(Debug, Default)]
struct Row {
    /// The rows that go with it.
    takes: Vec<usize>,
    taken_by: Vec<usize>,
    /// The rows that stand in its way until they are gone.
    held_by: Vec<usize>,
    holds: Vec<usize>,
    /// Something that never goes stands in its way.
    stays: bool,
    /// Something stands in its way of which it can't be told whether it goes.
    is_doubtful: bool,
}

/// What becomes of the rows that are to be deleted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fates {
    /// Those that stay, whatever the order.
    pub(super) stay: Vec<usize>,
    /// How many may go or stay.
    pub(super) doubtful: usize,
}

impl Rows {
    pub(super) fn new(checks: Checks) -> Self {
        Self { rows: Vec::new(), checks }
    }

    pub(super) fn add(&mut self) -> usize {
        self.rows.push(Row::default());
        self.rows.len() - 1
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The row `child` goes with `parent`.
    pub(super) fn takes(&mut self, parent: usize, child: usize) {
        if parent != child {
            self.rows[parent].takes.push(child);
            self.rows[child].taken_by.push(parent);
        }
    }

    /// The row `child` stands in the way of `parent`.
    pub(super) fn holds(&mut self, child: usize, parent: usize) {
        self.rows[parent].held_by.push(child);
        self.rows[child].holds.push(parent);
    }

    /// Something stands in its way for good.
    pub(super) fn stays(&mut self, row: usize) {
        self.rows[row].stays = true;
    }

    /// Nobody can tell whether it goes.
    pub(super) fn is_doubtful(&mut self, row: usize) {
        self.rows[row].is_doubtful = true;
    }

    pub(super) fn fates(&self, selected: &[usize]) -> Fates {
        let (mut stay, gone) = (self.staying(selected), self.going(selected, false));
        if self.checks == Checks::EachRow {
            // Who has no turn even where all doubts are in its favour.
            let may_go = self.going(selected, true);
            stay.iter_mut().zip(may_go).for_each(|(stays, may_go)| *stays |= !may_go);
        }
        Fates {
            doubtful: selected.iter().filter(|row| !stay[**row] && !gone[**row]).count(),
            stay: selected.iter().copied().filter(|row| stay[*row]).collect(),
        }
    }

    /// Who stays even where every row that might go does.
    fn staying(&self, selected: &[usize]) -> Vec<bool> {
        let mut stays: Vec<bool> = self.rows.iter().map(|row| row.stays).collect();
        let mut next: Vec<usize> = (0..self.rows.len()).filter(|row| stays[*row]).collect();
        loop {
            while let Some(row) = next.pop() {
                for &kept in self.rows[row].holds.iter().chain(&self.rows[row].taken_by) {
                    if !std::mem::replace(&mut stays[kept], true) {
                        next.push(kept);
                    }
                }
            }
            let mut reached = vec![false; self.rows.len()];
            self.reach(selected.iter().copied().filter(|row| !stays[*row]), &mut reached);
            for row in 0..self.rows.len() {
                if !reached[row] && !std::mem::replace(&mut stays[row], true) {
                    next.push(row);
                }
            }
            if next.is_empty() {
                return stays;
            }
        }
    }

    /// Marks rows and all that goes with them.
    fn reach(&self, rows: impl Iterator<Item = usize>, reached: &mut [bool]) {
        let mut next: Vec<usize> = rows.collect();
        while let Some(row) = next.pop() {
            if !std::mem::replace(&mut reached[row], true) {
                next.extend(&self.rows[row].takes);
            }
        }
    }

    /// Who goes where nothing goes of which that is not certain; with `hopes`, where all goes of which it is not certain that it does
    /// not. A row is free once nothing stands in its way, nor in that of what it takes along.
    fn going(&self, selected: &[usize], hopes: bool) -> Vec<bool> {
        let all = self.rows.len();
        let mut is_selected = vec![false; all];
        selected.iter().for_each(|row| is_selected[*row] = true);
        let in_the_way = |row: &Row| match hopes {
            // What goes along may do so in time.
            true => row.held_by.iter().filter(|held| self.rows[**held].taken_by.is_empty()).count(),
            false => row.held_by.len() + row.takes.len(),
        };
        let mut walk = Walk {
            rows: &self.rows,
            hopes,
            is_selected,
            in_the_way: self.rows.iter().map(in_the_way).collect(),
            gone: vec![false; all],
            free: vec![false; all],
        };
        let clear = (0..all).filter(|row| walk.is_clear(*row)).collect();
        walk.free(clear);
        if self.checks == Checks::Statement && !hopes {
            loop {
                let together = walk.together(selected);
                if together.is_empty() {
                    break;
                }
                walk.free(together);
            }
        }
        walk.gone
    }
}

/// Rows on their way out.
struct Walk<'a> {
    rows: &'a [Row],
    /// Whether doubts are in favour of a row.
    hopes: bool,
    is_selected: Vec<bool>,
    /// How much stands in the way of a row still.
    in_the_way: Vec<usize>,
    gone: Vec<bool>,
    free: Vec<bool>,
}

impl Walk<'_> {
    fn is_clear(&self, row: usize) -> bool {
        let Row { stays, is_doubtful, .. } = self.rows[row];
        self.in_the_way[row] == 0 && !stays && (self.hopes || !is_doubtful)
    }

    /// Lets rows go that are free, and all that are free by that.
    fn free(&mut self, mut next: Vec<usize>) {
        let rows = self.rows;
        while let Some(row) = next.pop() {
            if std::mem::replace(&mut self.free[row], true) {
                continue;
            }
            for &taker in rows[row].taken_by.iter().filter(|_| !self.hopes) {
                self.in_the_way[taker] -= 1;
                next.extend(self.is_clear(taker).then_some(taker));
            }
            let mut going = if self.is_selected[row] { vec![row] } else { Vec::new() };
            while let Some(row) = going.pop() {
                if std::mem::replace(&mut self.gone[row], true) {
                    continue;
                }
                going.extend(&rows[row].takes);
                if self.hopes && !rows[row].taken_by.is_empty() {
                    continue;
                }
                for &held in &rows[row].holds {
                    self.in_the_way[held] -= 1;
                    next.extend(self.is_clear(held).then_some(held));
                }
            }
        }
    }

    /// The most of the selected rows that are held by each other alone, and take nothing along that is not free.
    fn together(&self, selected: &[usize]) -> Vec<usize> {
        let fits = |row: usize| {
            let Row { stays, is_doubtful, takes, .. } = &self.rows[row];
            !self.gone[row] && !stays && !is_doubtful && takes.iter().all(|taken| self.free[*taken])
        };
        let mut is_in = vec![false; self.rows.len()];
        selected.iter().for_each(|row| is_in[*row] = fits(*row));
        let is_held =
            |row: usize, is_in: &[bool]| self.rows[row].held_by.iter().any(|held| !is_in[*held] && !self.gone[*held]);
        let mut out: Vec<usize> = selected.iter().copied().filter(|row| is_in[*row] && is_held(*row, &is_in)).collect();
        while let Some(row) = out.pop() {
            if std::mem::replace(&mut is_in[row], false) {
                out.extend(self.rows[row].holds.iter().filter(|held| is_in[**held]));
            }
        }
        selected.iter().copied().filter(|row| is_in[*row]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(count: usize, takes: &[(usize, usize)], holds: &[(usize, usize)], selected: &[usize]) -> Fates {
        rows(count, takes, holds).fates(selected)
    }

    fn rows(count: usize, takes: &[(usize, usize)], holds: &[(usize, usize)]) -> Rows {
        let mut rows = Rows::default();
        (0..count).for_each(|_| {
            rows.add();
        });
        takes.iter().for_each(|(parent, child)| rows.takes(*parent, *child));
        holds.iter().for_each(|(child, parent)| rows.holds(*child, *parent));
        rows
    }

    #[test]
    fn a_chain_goes_from_its_end() {
        let chain = [(1, 0), (2, 1)];
        assert_eq!(fates(3, &[], &chain, &[0, 1, 2]), Fates::default());
        assert_eq!(fates(3, &[], &chain, &[0, 1]), Fates { stay: vec![0, 1], doubtful: 0 });
    }

    #[test]
    fn who_holds_goes_first_with_another() {
        // 2 goes with 1, and holds 0.
        assert_eq!(fates(3, &[(1, 2)], &[(2, 0)], &[0, 1]), Fates::default());
        assert_eq!(fates(3, &[(1, 2)], &[(2, 0)], &[0]), Fates { stay: vec![0], doubtful: 0 });
    }

    #[test]
    fn a_row_that_holds_what_it_goes_with_is_doubtful() {
        assert_eq!(fates(2, &[(0, 1)], &[(1, 0)], &[0]), Fates { stay: vec![], doubtful: 1 });
        assert_eq!(fates(2, &[], &[(0, 1), (1, 0)], &[0, 1]), Fates { stay: vec![], doubtful: 2 });
    }

    #[test]
    fn a_circle_stays_where_each_row_is_looked_at_and_goes_where_a_statement_is() {
        // 0, 1 and 2 hold each other round in a circle; 3 holds 0, 4 is held by 2.
        let holds = [(0, 1), (1, 2), (2, 0), (3, 0), (2, 4)];
        let told = |checks, takes: &[(usize, usize)], selected: &[usize]| {
            let mut rows = rows(5, takes, &holds);
            rows.checks = checks;
            rows.fates(selected)
        };
        let all = [0, 1, 2, 3, 4];
        assert_eq!(told(Checks::Statement, &[], &all), Fates::default());
        assert_eq!(told(Checks::EachRow, &[], &all), Fates { stay: vec![0, 1, 2, 4], doubtful: 0 });
        // Without the row that holds it, or one of its own, the circle stays.
        assert_eq!(told(Checks::Statement, &[], &[0, 1, 2]), Fates { stay: vec![0, 1, 2], doubtful: 0 });
        assert_eq!(told(Checks::Statement, &[], &[0, 1, 3]), Fates { stay: vec![0, 1], doubtful: 0 });
        // What is held in the circle goes along with one of it.
        assert_eq!(told(Checks::EachRow, &[(0, 1)], &all), Fates { stay: vec![], doubtful: 4 });
        assert_eq!(told(Checks::Statement, &[(0, 1)], &all), Fates { stay: vec![], doubtful: 4 });
    }

    #[test]
    fn what_is_held_keeps_what_would_take_it() {
        // 1 goes with 0, 2 with 1; 3 holds 2 and is not selected.
        assert_eq!(fates(4, &[(0, 1), (1, 2)], &[(3, 2)], &[0]), Fates { stay: vec![0], doubtful: 0 });
    }
}
