"""Restoring photographs: from pixels to pixels."""
