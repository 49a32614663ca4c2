//! A terminal whose cursor stays behind the last line of the table.
//!
//! indicatif fills each line with spaces up to the edge, the last one too, so that whatever is printed next
//! stands on a line of its own. A terminal prints `^C` there when somebody stops the run: one line more than the
//! table knows of, and its first line would stay on the screen for ever. Here the spaces at the end of a line
//! are written only when another line follows.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use console::Term;
use indicatif::TermLike;

#[derive(Debug)]
pub(super) struct Terminal {
    terminal: Term,
    /// Spaces that are not written yet.
    held_back: AtomicUsize,
}

impl Terminal {
    pub(super) fn new(terminal: Term) -> Self {
        Self {
            terminal,
            held_back: AtomicUsize::new(0),
        }
    }

    fn forget_spaces(&self) -> &Term {
        self.held_back.store(0, Ordering::Relaxed);
        &self.terminal
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        self.terminal.size().1
    }

    fn height(&self) -> u16 {
        self.terminal.size().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.forget_spaces().move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.forget_spaces().move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.forget_spaces().move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.forget_spaces().move_cursor_left(n)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.forget_spaces().write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        let shown = text.trim_end_matches(' ');
        let spaces = text.len() - shown.len();
        if shown.is_empty() {
            self.held_back.fetch_add(spaces, Ordering::Relaxed);
            return Ok(());
        }
        let before = self.held_back.swap(spaces, Ordering::Relaxed);
        self.terminal.write_str(&" ".repeat(before))?;
        self.terminal.write_str(shown)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.forget_spaces().clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.terminal.flush()
    }
}
