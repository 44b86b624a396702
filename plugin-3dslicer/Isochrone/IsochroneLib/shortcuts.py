"""Keys, those of SlicerNNInteractive where it has one. The panel shows them."""

SHORTCUTS = {
    "O": ("click", "Point"),
    "S": ("scribble", "Scribble"),
    "B": ("box_2d", "Box"),
    "L": ("lasso", "Lasso"),
    "T": ("toggle", "Positive / negative"),
    "E": ("new_segment", "Next segment"),
    "R": ("reset", "Reset segment"),
    "Ctrl+Z": ("undo", "Undo"),
    "Ctrl+Y": ("redo", "Redo"),
    "N": ("next_slice", "Next slice"),
    "A": ("accept", "Accept slice"),
    "Escape": ("cancel", "Cancel"),
}
