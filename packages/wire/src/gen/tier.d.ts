// SPDX-License-Identifier: Apache-2.0
// Generated from proto/tier/ by packages/wire/scripts/generate.mjs: do not edit.
import * as $protobuf from "protobufjs/minimal.js";

/** Namespace oap. */
export namespace oap {

    /** Namespace tier. */
    namespace tier {

        /** Namespace v1. */
        namespace v1 {

            /**
             * Properties of an OfferRequest.
             * @deprecated Use oap.tier.v1.OfferRequest.$Properties instead.
             */
            interface IOfferRequest extends oap.tier.v1.OfferRequest.$Properties {
            }

            /** Represents an OfferRequest. */
            class OfferRequest {

                /**
                 * Constructs a new OfferRequest.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.tier.v1.OfferRequest.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** OfferRequest producer. */
                producer: string;

                /** OfferRequest batches. */
                batches: oap.tier.v1.Offered.$Properties[];

                /**
                 * Encodes the specified OfferRequest message. Does not implicitly {@link oap.tier.v1.OfferRequest.verify|verify} messages.
                 * @param message OfferRequest message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.tier.v1.OfferRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes an OfferRequest message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.tier.v1.OfferRequest & oap.tier.v1.OfferRequest.$Shape} OfferRequest
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.tier.v1.OfferRequest & oap.tier.v1.OfferRequest.$Shape;
            }

            namespace OfferRequest {

                /** Properties of an OfferRequest. */
                interface $Properties {

                    /** OfferRequest producer */
                    producer?: (string|null);

                    /** OfferRequest batches */
                    batches?: (oap.tier.v1.Offered.$Properties[]|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of an OfferRequest. */
                type $Shape = oap.tier.v1.OfferRequest.$Properties;
            }

            /**
             * Properties of an Offered.
             * @deprecated Use oap.tier.v1.Offered.$Properties instead.
             */
            interface IOffered extends oap.tier.v1.Offered.$Properties {
            }

            /** Represents an Offered. */
            class Offered {

                /**
                 * Constructs a new Offered.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.tier.v1.Offered.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** Offered logId. */
                logId: string;

                /** Offered slot. */
                slot: number;

                /** Offered gen. */
                gen: number;

                /** Offered seq. */
                seq: number;

                /** Offered header. */
                header: Uint8Array;

                /** Offered content. */
                content: Uint8Array;

                /**
                 * Encodes the specified Offered message. Does not implicitly {@link oap.tier.v1.Offered.verify|verify} messages.
                 * @param message Offered message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.tier.v1.Offered.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes an Offered message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.tier.v1.Offered & oap.tier.v1.Offered.$Shape} Offered
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.tier.v1.Offered & oap.tier.v1.Offered.$Shape;
            }

            namespace Offered {

                /** Properties of an Offered. */
                interface $Properties {

                    /** Offered logId */
                    logId?: (string|null);

                    /** Offered slot */
                    slot?: (number|null);

                    /** Offered gen */
                    gen?: (number|null);

                    /** Offered seq */
                    seq?: (number|null);

                    /** Offered header */
                    header?: (Uint8Array|null);

                    /** Offered content */
                    content?: (Uint8Array|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of an Offered. */
                type $Shape = oap.tier.v1.Offered.$Properties;
            }

            /**
             * Properties of an OfferResponse.
             * @deprecated Use oap.tier.v1.OfferResponse.$Properties instead.
             */
            interface IOfferResponse extends oap.tier.v1.OfferResponse.$Properties {
            }

            /** Represents an OfferResponse. */
            class OfferResponse {

                /**
                 * Constructs a new OfferResponse.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.tier.v1.OfferResponse.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** OfferResponse outcomes. */
                outcomes: oap.tier.v1.Outcome.$Properties[];

                /**
                 * Encodes the specified OfferResponse message. Does not implicitly {@link oap.tier.v1.OfferResponse.verify|verify} messages.
                 * @param message OfferResponse message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.tier.v1.OfferResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes an OfferResponse message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.tier.v1.OfferResponse & oap.tier.v1.OfferResponse.$Shape} OfferResponse
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.tier.v1.OfferResponse & oap.tier.v1.OfferResponse.$Shape;
            }

            namespace OfferResponse {

                /** Properties of an OfferResponse. */
                interface $Properties {

                    /** OfferResponse outcomes */
                    outcomes?: (oap.tier.v1.Outcome.$Properties[]|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of an OfferResponse. */
                type $Shape = oap.tier.v1.OfferResponse.$Properties;
            }

            /**
             * Properties of an Outcome.
             * @deprecated Use oap.tier.v1.Outcome.$Properties instead.
             */
            interface IOutcome extends oap.tier.v1.Outcome.$Properties {
            }

            /** Represents an Outcome. */
            class Outcome {

                /**
                 * Constructs a new Outcome.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.tier.v1.Outcome.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** Outcome kind. */
                kind: oap.tier.v1.Outcome.Kind;

                /** Outcome value. */
                value: number;

                /**
                 * Encodes the specified Outcome message. Does not implicitly {@link oap.tier.v1.Outcome.verify|verify} messages.
                 * @param message Outcome message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.tier.v1.Outcome.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes an Outcome message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.tier.v1.Outcome & oap.tier.v1.Outcome.$Shape} Outcome
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.tier.v1.Outcome & oap.tier.v1.Outcome.$Shape;
            }

            namespace Outcome {

                /** Properties of an Outcome. */
                interface $Properties {

                    /** Outcome kind */
                    kind?: (oap.tier.v1.Outcome.Kind|null);

                    /** Outcome value */
                    value?: (number|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of an Outcome. */
                type $Shape = oap.tier.v1.Outcome.$Properties;

                /** Kind enum. */
                enum Kind {

                    /** UNSPECIFIED value */
                    UNSPECIFIED = 0,

                    /** COMMITTED value */
                    COMMITTED = 1,

                    /** DUPLICATE value */
                    DUPLICATE = 2,

                    /** GAP value */
                    GAP = 3,

                    /** NOT_OWNER value */
                    NOT_OWNER = 4,

                    /** BUSY value */
                    BUSY = 5
                }
            }
        }
    }
}
