/** The part of the addon's contract that is autocasting's; its state is that of the thread. */
export interface AutocastBinding {
  /** Runs `fn` with autocasting on a type of device set so. */
  autocast<T>(deviceType: string, dtype: string, enabled: boolean, cacheEnabled: boolean, fn: () => T): T
  /** Whether LibTorch has autocasting for that type of device; false for one that it does not know. */
  isAutocastAvailable(deviceType: string): boolean
  isAutocastEnabled(deviceType: string): boolean
  autocastDtype(deviceType: string): string
  isAutocastCacheEnabled(): boolean
  setAutocastEnabled(deviceType: string, enabled: boolean): void
  setAutocastDtype(deviceType: string, dtype: string): void
  setAutocastCacheEnabled(enabled: boolean): void
  clearAutocastCache(): void
}
