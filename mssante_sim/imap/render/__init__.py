"""From stored rows and octets to FETCH answers; what was computed at delivery is pasted, not made again."""
