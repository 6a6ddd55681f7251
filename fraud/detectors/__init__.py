"""Small detectors, each with one question; `fraud.detection.registry` knows them all."""
