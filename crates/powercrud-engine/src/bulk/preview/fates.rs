//! What becomes of rows that refer to each other when some of them are deleted, one after the other: which surely go, and which surely
//! stay. What lies between hangs on the order in which a database looks at one statement's rows.

/// Rows by number, and how they refer to each other.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: Vec<Row>,
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
        let (stay, gone) = (self.staying(selected), self.going(selected));
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

    /// Who goes where nothing goes of which that is not certain. A row is free once nothing stands in its way, nor in that of what it
    /// takes along.
    fn going(&self, selected: &[usize]) -> Vec<bool> {
        let all = self.rows.len();
        let (mut gone, mut free) = (vec![false; all], vec![false; all]);
        let mut is_selected = vec![false; all];
        selected.iter().for_each(|row| is_selected[*row] = true);
        let mut in_the_way: Vec<usize> = self.rows.iter().map(|row| row.held_by.len() + row.takes.len()).collect();
        let clear = |row: usize, in_the_way: &[usize]| {
            in_the_way[row] == 0 && !self.rows[row].stays && !self.rows[row].is_doubtful
        };
        let mut next: Vec<usize> = (0..all).filter(|row| clear(*row, &in_the_way)).collect();
        while let Some(row) = next.pop() {
            if std::mem::replace(&mut free[row], true) {
                continue;
            }
            for &taker in &self.rows[row].taken_by {
                in_the_way[taker] -= 1;
                next.extend(clear(taker, &in_the_way).then_some(taker));
            }
            let mut going = if is_selected[row] { vec![row] } else { Vec::new() };
            while let Some(row) = going.pop() {
                if std::mem::replace(&mut gone[row], true) {
                    continue;
                }
                going.extend(&self.rows[row].takes);
                for &held in &self.rows[row].holds {
                    in_the_way[held] -= 1;
                    next.extend(clear(held, &in_the_way).then_some(held));
                }
            }
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(count: usize, takes: &[(usize, usize)], holds: &[(usize, usize)], selected: &[usize]) -> Fates {
        let mut rows = Rows::default();
        (0..count).for_each(|_| {
            rows.add();
        });
        takes.iter().for_each(|(parent, child)| rows.takes(*parent, *child));
        holds.iter().for_each(|(child, parent)| rows.holds(*child, *parent));
        rows.fates(selected)
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
    fn what_is_held_keeps_what_would_take_it() {
        // 1 goes with 0, 2 with 1; 3 holds 2 and is not selected.
        assert_eq!(fates(4, &[(0, 1), (1, 2)], &[(3, 2)], &[0]), Fates { stay: vec![0], doubtful: 0 });
    }
}
