//! What plotters draws on: a list of shapes, from which SVG and PNG are made.
//!
//! Owns the list. Does not own any look (`frame` and the plots choose it), nor a file format (`svg`, `raster`). A list
//! instead of plotters' own SVG, so that shapes have a hint for the mouse, those of a series stand together, and both
//! formats show the same.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontStyle, FontTransform,
};

use super::width::width_of;

/// A place in the plot's own coordinates, from the top left corner.
pub(super) type Place = (i32, i32);

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// A line through some points, of a width.
    Line(Vec<Place>, u32),
    /// A filled rectangle, by its upper left and its lower right corner.
    Box(Place, Place),
    /// A filled circle.
    Disc(Place, u32),
    /// A filled polygon.
    Area(Vec<Place>),
    /// Words; their size is the height of the font.
    Words {
        text: String,
        at: Place,
        size: f64,
        bold: bool,
        across: Across,
        down: Down,
    },
}

/// Where words stand to their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Across {
    Left,
    Middle,
    Right,
}

/// Which height of the words is at their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Down {
    Top,
    Middle,
    Bottom,
}

/// A step of the drawing.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// A shape in a colour (red, green, blue) that lets what is below through.
    Draw {
        shape: Shape,
        color: (u8, u8, u8),
        opacity: f64,
        /// What is said of it under the mouse.
        hint: Option<String>,
    },
    /// The shapes of a series begin.
    Open(String),
    /// They end.
    Close,
}

/// The list, while it is drawn.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    size: (u32, u32),
    steps: Rc<RefCell<Vec<Step>>>,
}

impl Canvas {
    pub(super) fn new(size: (u32, u32)) -> Self {
        Self {
            size,
            steps: Rc::default(),
        }
    }

    /// Says something of the shape that was drawn last.
    pub(super) fn hint(&self, words: impl Into<String>) {
        if let Some(Step::Draw { hint, .. }) = self.steps.borrow_mut().last_mut() {
            *hint = Some(words.into());
        }
    }

    /// What is drawn from here on belongs to a series.
    pub(super) fn open(&self, series: &str) {
        self.steps.borrow_mut().push(Step::Open(series.into()));
    }

    /// No longer.
    pub(super) fn close(&self) {
        self.steps.borrow_mut().push(Step::Close);
    }

    /// What was drawn.
    pub(super) fn into_steps(self) -> Vec<Step> {
        self.steps.take()
    }

    fn draw(&self, shape: Shape, color: BackendColor) {
        if color.alpha > 0.0 {
            self.steps.borrow_mut().push(Step::Draw {
                shape,
                color: color.rgb,
                opacity: color.alpha,
                hint: None,
            });
        }
    }
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for Canvas {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.draw(Shape::Box((x, y), (x + 1, y + 1)), color);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.draw(
            Shape::Line(vec![from, to], style.stroke_width()),
            style.color(),
        );
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let shape = if fill {
            Shape::Box(from, to)
        } else {
            let corners = vec![from, (to.0, from.1), to, (from.0, to.1), from];
            Shape::Line(corners, style.stroke_width())
        };
        self.draw(shape, style.color());
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        self.draw(
            Shape::Line(path.into_iter().collect(), style.stroke_width()),
            style.color(),
        );
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        _fill: bool,
    ) -> Drawn {
        self.draw(Shape::Disc(center, radius), style.color());
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        points: I,
        style: &S,
    ) -> Drawn {
        self.draw(Shape::Area(points.into_iter().collect()), style.color());
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        debug_assert!(
            matches!(style.transform(), FontTransform::None),
            "no plot turns its words"
        );
        let across = match style.anchor().h_pos {
            HPos::Left => Across::Left,
            HPos::Center => Across::Middle,
            HPos::Right => Across::Right,
        };
        let down = match style.anchor().v_pos {
            VPos::Top => Down::Top,
            VPos::Center => Down::Middle,
            VPos::Bottom => Down::Bottom,
        };
        let words = Shape::Words {
            text: text.into(),
            at,
            size: style.size() / FONT_SCALE,
            bold: matches!(style.style(), FontStyle::Bold),
            across,
            down,
        };
        self.draw(words, style.color());
        Ok(())
    }

    /// At most: an SVG's font is the reader's.
    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let size = style.size() / FONT_SCALE;
        let bold = matches!(style.style(), FontStyle::Bold);
        let width = width_of(text, size, bold);
        Ok((width.ceil() as u32, size.ceil() as u32))
    }
}

/// What plotters' sizes of fonts are divided by, as its own backends do.
pub(super) const FONT_SCALE: f64 = 1.24;
