/** Models that Python pickled whole, as live modules. */
export { toModule } from './to-module.js'
