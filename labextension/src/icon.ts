import { LabIcon } from '@jupyterlab/ui-components';

import svgstr from '../style/icons/zimage.svg';

/** A paper ribbon folded into a Z. */
export const studioIcon = new LabIcon({ name: 'zimage-lab:studio', svgstr });
