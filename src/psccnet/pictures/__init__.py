"""Bytes to pixels and back: samples, decoding, masks, resampling, encodings and cameras."""
