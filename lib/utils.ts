/** `torch.utils` */
import * as data from './data/index.js'
import { progress } from './report/index.js'

export const utils = { data, progress }
