/** `torch.amp`: mixed precision. */
export { type AutocastOptions, autocast, isAutocastAvailable } from './autocast.js'
export { GradScaler, type GradScalerOptions, type GradScalerStateDict, type Scaled } from './grad-scaler.js'
