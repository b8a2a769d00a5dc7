#pragma once
/** Ends of docstrings: shapes of signals, images and volumes. */
#define SHAPE_1D "\nShape: `(N, C, L)` or `(C, L)` → `(N, C, Lout)`"
#define SHAPE_2D "\nShape: `(N, C, H, W)` or `(C, H, W)` → `(N, C, Hout, Wout)`"
#define SHAPE_3D "\nShape: `(N, C, D, H, W)` or `(C, D, H, W)` → `(N, C, Dout, Hout, Wout)`"
#define OR_INDICES ". With `returnIndices` the result is the tuple `[output, indices]`."
