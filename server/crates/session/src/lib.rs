//! A session's steps as the source of truth: apply, undo, redo, remove, replay.
